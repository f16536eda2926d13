#include "report.hpp"

#include <nlohmann/json.hpp>

#include <iomanip>
#include <ostream>

namespace troupe::bench {

namespace {

constexpr double quantiles[] = {0.5, 0.9, 0.99, 0.999};
constexpr const char* quantile_names[] = {"p50", "p90", "p99", "p999"};

double ms(std::uint64_t us) { return static_cast<double>(us) / 1e3; }

double per(double total, std::uint64_t count) {
  return count == 0 ? 0 : total / static_cast<double>(count);
}

std::size_t connections(const load_options& o) {
  return (o.mix ? 1 : std::max<std::size_t>(1, o.rooms)) * o.members
       + (o.churn > 0 ? o.visitors : 0);
}

double kib_per_connection(const load_options& o, const load_result& r) {
  auto grown = static_cast<double>(r.memory_idle.now) - static_cast<double>(r.memory_before.now);
  return grown / static_cast<double>(std::max<std::size_t>(1, connections(o)));
}

} // namespace

void print_table(std::ostream& out, const load_options& o, const load_result& r) {
  auto row = [&](const char* name) -> std::ostream& {
    return out << std::left << std::setw(24) << name << std::right;
  };
  out << std::fixed << std::setprecision(2);
  row("connections") << connections(o) << " in " << r.connect_seconds << " s ("
                     << std::setprecision(0)
                     << static_cast<double>(connections(o)) / r.connect_seconds << "/s)\n"
                     << std::setprecision(2);
  if (r.reconnect_seconds > 0)
    row("reconnected") << "in " << r.reconnect_seconds << " s (" << std::setprecision(0)
                       << static_cast<double>(connections(o)) / r.reconnect_seconds << "/s)\n"
                       << std::setprecision(2);
  row("published") << r.published << " in " << r.window_seconds << " s\n";
  row("delivered") << r.delivered << " (" << std::setprecision(0)
                   << static_cast<double>(r.delivered) / r.window_seconds << "/s, "
                   << std::setprecision(1)
                   << static_cast<double>(r.delivered_bytes) / r.window_seconds / 1e6 << " MB/s)\n"
                   << std::setprecision(2);
  row("latency") << "p50 " << ms(r.latency.quantile(0.5)) << "  p90 " << ms(r.latency.quantile(0.9))
                 << "  p99 " << ms(r.latency.quantile(0.99)) << "  p99.9 "
                 << ms(r.latency.quantile(0.999)) << "  max " << ms(r.latency.most())
                 << " ms, from the intended time\n";
  row("lost") << r.lost << ", twice " << r.doubled << ", out of order " << r.disordered << '\n';
  if (r.pings > 0)
    row("pings") << r.pings << '\n';
  row("cut") << r.cut << " connections, and " << r.cut_stalled << " that never read\n";
  if (o.pid != 0) {
    row("server CPU") << r.server_cpu_seconds << " s, " << std::setprecision(0)
                      << per(r.server_cpu_seconds * 1e9, r.delivered) << " ns for each delivery\n"
                      << std::setprecision(2);
    row("server memory") << r.memory_idle.now << " KiB with all connections idle ("
                         << kib_per_connection(o, r) << " KiB for each), " << r.memory_after.most
                         << " KiB at most\n";
  }
  row("load CPU") << r.own_cpu_seconds << " s, " << std::setprecision(0)
                  << per(r.own_cpu_seconds * 1e9, r.delivered) << " ns for each delivery\n";
  if (r.was_bottleneck())
    out
      << "The load was the bottleneck: it had no time left, the server may be faster than this.\n";
}

std::string to_json(const load_options& o, const load_result& r) {
  nlohmann::json j;
  j["url"] = o.url;
  j["rooms"] = o.rooms;
  j["members"] = o.members;
  j["joins"] = o.joins;
  j["mix"] = o.mix;
  j["publishers"] = o.publishers;
  j["bytes"] = o.bytes;
  j["rate"] = o.rate;
  j["in_flight"] = o.rate > 0 ? 0 : o.in_flight;
  j["echo"] = o.echo;
  j["dialect"] = to_string(o.speech);
  j["tls"] = o.tls;
  j["deflate"] = o.deflate;
  j["stall"] = o.stall;
  j["churn"] = o.churn;
  j["ramp"] = o.ramp;
  j["opening"] = o.opening;
  j["sources"] = o.sources;
  j["spin"] = o.spin;
  j["warm_up_seconds"] = o.warm_up.count();
  j["connections"] = connections(o);
  j["connect_seconds"] = r.connect_seconds;
  j["reconnect_seconds"] = r.reconnect_seconds;
  j["window_seconds"] = r.window_seconds;
  j["published"] = r.published;
  j["delivered"] = r.delivered;
  j["delivered_bytes"] = r.delivered_bytes;
  j["lost"] = r.lost;
  j["doubled"] = r.doubled;
  j["disordered"] = r.disordered;
  j["pings"] = r.pings;
  j["cut"] = r.cut;
  j["cut_stalled"] = r.cut_stalled;
  for (std::size_t i = 0; i < std::size(quantiles); ++i)
    j["latency_us"][quantile_names[i]] = r.latency.quantile(quantiles[i]);
  j["latency_us"]["max"] = r.latency.most();
  j["server_cpu_seconds"] = r.server_cpu_seconds;
  j["server_cpu_ns_per_delivery"] = per(r.server_cpu_seconds * 1e9, r.delivered);
  j["server_cpu_ns_per_ping"] = per(r.server_cpu_seconds * 1e9, r.pings);
  j["server_kib"] = {{"before", r.memory_before.now},
                     {"idle", r.memory_idle.now},
                     {"most", r.memory_after.most},
                     {"per_connection", kib_per_connection(o, r)}};
  j["load_cpu_seconds"] = r.own_cpu_seconds;
  j["load_cpu_ns_per_delivery"] = per(r.own_cpu_seconds * 1e9, r.delivered);
  j["load_was_bottleneck"] = r.was_bottleneck();
  return j.dump(2);
}

} // namespace troupe::bench
