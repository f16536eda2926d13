// Checks exact delivery over real sockets. Connections come, join, speak, leave and go at random,
// each with a few commands under way at a time. Every frame that they receive is compared with what
// was said. At the end nothing may be left in the node.
//
//   churn --node build/dev/bin/relay_node --seconds 20

#include "crowd.hpp"
#include "node_process.hpp"
#include "options.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <thread>

using namespace troupe;
using namespace troupe::churn;
using namespace std::chrono_literals;

namespace {

constexpr int wrong_usage = 2;
constexpr auto release_limit = 30s;
constexpr std::uint64_t growth_kib = 8 * 1024;

/// The state that both cycles of a run share.
struct run_state {
  options asked;
  node_process& node;
  dice chance;
  std::size_t descriptors; ///< before the first connection
  std::uint64_t cut = 0;   ///< connections that the server cut, in all cycles so far
};

struct cycle_result {
  std::size_t complaints = 0;
  std::uint64_t resident_kib = 0;
};

std::unique_ptr<node_process> node_for(const options& o) {
  if (o.node.empty())
    return std::make_unique<node_process>(o.port, o.pid);
  std::vector<std::string> arguments{"--bind", "127.0.0.1", "--port",
                                     "0",      "--loops",   std::to_string(o.loops)};
  for (auto* limit : {"--message-rate", "--admission-rate", "--max-connections", "--linger"})
    arguments.insert(arguments.end(), {limit, "0"});
  return std::make_unique<node_process>(o.node, arguments);
}

double sample(const node_process::samples& all, const std::string& name) {
  auto i = all.find(name);
  return i == all.end() ? 0 : i->second;
}

std::string whole(double n) { return std::to_string(static_cast<std::int64_t>(n)); }

/// Checks that nothing is left of the clients after all have gone.
void check_gauges(const node_process& node, truth& t) {
  static constexpr std::array gauges{"troupe_connections", "troupe_rooms", "troupe_members",
                                     "troupe_output_bytes"};
  auto is_zero = [](auto& m) {
    return std::all_of(gauges.begin(), gauges.end(), [&](auto* g) { return sample(m, g) == 0; });
  };
  if (node.until(release_limit, is_zero))
    return;
  auto all = node.metrics();
  for (auto* g : gauges)
    if (sample(all, g) != 0)
      t.complain(std::string{g} + " is " + whole(sample(all, g)) + " after all have gone");
}

void check_counters(const node_process::samples& all, truth& t, std::uint64_t cut) {
  for (auto* name : {"troupe_handler_error_total", "troupe_room_crashed_total",
                     "troupe_ws_protocol_error_total"})
    if (sample(all, name) != 0)
      t.complain(std::string{name} + " is " + whole(sample(all, name)));
  auto slow = sample(all, "troupe_slow_consumer_total");
  if (static_cast<double>(cut) > slow)
    t.complain(std::to_string(cut) + " connections were cut, of slow consumers the node knows "
               + whole(slow));
}

void check_descriptors(const node_process& node, truth& t, std::size_t before) {
  auto deadline = std::chrono::steady_clock::now() + release_limit;
  while (node.has_pid() && node.descriptors() > before
         && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(20ms);
  if (node.has_pid() && node.descriptors() > before)
    t.complain("the node has " + std::to_string(node.descriptors()) + " descriptors, not "
               + std::to_string(before));
}

void check_counts(truth& t, const tally& c) {
  if (c.cut * 100 >= t.lives())
    t.complain("1 % of the connections or more were cut");
  if (c.joins_refused * 1'000 > c.joins)
    t.complain("more than 1 join of 1,000 was refused because its room had ended again and again");
  if (c.deliveries == 0 || c.presence == 0 || c.joins == 0 || c.leaves == 0 || c.handshakes == 0
      || c.drops == 0 || c.resets == 0)
    t.complain("something has not happened at all");
}

void report(const truth& t, const tally& c) {
  std::cout << "  " << c.published << " published, " << c.deliveries << " deliveries and "
            << c.presence << " userJoined/userLeft checked, " << c.joins << " joins and "
            << c.joins_refused << " refused, " << c.leaves << " leaves, " << t.incarnations()
            << " room incarnations\n  " << t.lives() << " connections: " << c.handshakes
            << " closed, " << c.drops << " dropped, " << c.resets << " reset, " << c.cut
            << " cut by the node; " << t.complaints() << " complaints" << std::endl;
}

cycle_result run_cycle(run_state& run, std::chrono::milliseconds time) {
  truth t{run.asked.rooms};
  tally counts;
  plant fault{run.asked.fault, run.asked.fault_in_plain};
  frame_reader frames;
  test::socket_poller poller;
  crowd people{{t, counts, run.chance, fault, frames, poller, run.node.port()},
               run.asked.connections};
  int seconds = 0;
  people.run(time, [&](std::size_t open) {
    if (++seconds % 5 == 0)
      std::cout << "  " << seconds << " s: " << open << " connections, " << counts.published
                << " published, " << counts.deliveries << " deliveries checked" << std::endl;
  });
  people.settle(run.node);
  check_counts(t, counts);
  check_gauges(run.node, t);
  run.cut += counts.cut;
  check_counters(run.node.metrics(), t, run.cut);
  check_descriptors(run.node, t, run.descriptors);
  report(t, counts);
  std::this_thread::sleep_for(1s); // the node frees some memory late
  return {t.complaints(), run.node.has_pid() ? run.node.resident_kib() : 0};
}

bool run_all(const options& o) {
  auto node = node_for(o);
  run_state run{o, *node, dice{o.seed}, node->has_pid() ? node->descriptors() : 0};
  auto half = std::chrono::milliseconds{o.time} / 2;
  std::cout << "seed " << o.seed << "\nfirst cycle" << std::endl;
  auto first = run_cycle(run, half);
  std::cout << "second cycle" << std::endl;
  auto second = run_cycle(run, half);
  std::cout << "resident KiB after each: " << first.resident_kib << ", " << second.resident_kib
            << std::endl;
  bool grows = second.resident_kib > first.resident_kib + first.resident_kib / 10 + growth_kib;
  if (grows)
    std::cout << "complaint: the node grows" << std::endl;
  auto code = node->stop(15s);
  if (code != 0)
    std::cout << "complaint: the node ended with " << code << std::endl;
  return first.complaints + second.complaints == 0 && !grows && code == 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    bool good = run_all(read_options(argc, argv));
    std::cout << (good ? "every delivery was exact" : "FAILED") << std::endl;
    return good ? 0 : 1;
  } catch (const std::invalid_argument& e) {
    std::cerr << "churn: " << e.what() << '\n' << usage;
    return wrong_usage;
  } catch (const std::exception& e) {
    std::cerr << "churn: " << e.what() << '\n';
    return 1;
  }
}
