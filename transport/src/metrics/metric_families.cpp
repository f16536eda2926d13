#include "metrics/metric_families.hpp"

#include <troupe/actors/caf_compat.hpp>
#include <troupe/version.hpp>

#include <boost/config.hpp>

#include <limits>
#include <string>
#include <utility>

namespace troupe::transport {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

using labels = std::vector<ClientMetric::Label>;

template <class Number>
MetricFamily& add(MetricFamily& to, Number value, labels of = {}) {
  ClientMetric m;
  m.label = std::move(of);
  (to.type == MetricType::Counter ? m.counter.value : m.gauge.value) = static_cast<double>(value);
  to.metric.push_back(std::move(m));
  return to;
}

template <class Number>
MetricFamily gauge(const char* name, const char* help, Number value) {
  MetricFamily f{name, help, MetricType::Gauge, {}};
  return add(f, value);
}

template <class Number>
MetricFamily total(const char* name, const char* help, Number value) {
  MetricFamily f{name, help, MetricType::Counter, {}};
  return add(f, value);
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

MetricFamily histogram(const char* name, const char* help, const actors::time_counts& times) {
  ClientMetric m;
  auto& h = m.histogram;
  for (std::size_t i = 0; i < times.buckets.size(); ++i) {
    h.sample_count += times.buckets[i];
    auto bound = i < actors::time_bounds.size() ? seconds(actors::time_bounds[i])
                                                : std::numeric_limits<double>::infinity();
    h.bucket.push_back({h.sample_count, bound});
  }
  h.sample_sum = seconds(times.sum);
  return {name, help, MetricType::Histogram, {std::move(m)}};
}

std::string name_of(protocol::encoding e) {
  std::string dialect = is_plain(e) ? "plain" : "v1";
  dialect += codec_of(e) == protocol::codec::json ? "_json" : "_msgpack";
  return is_deflated(e) ? dialect + "_deflated" : dialect;
}

MetricFamily deliveries(const actors::node_stats& now) {
  MetricFamily f{"troupe_deliveries_total", "Frames given to members.", MetricType::Counter, {}};
  for (std::size_t i = 0; i < protocol::encoding_count; ++i)
    add(f, now.deliveries_by_encoding[i], {{"codec", name_of(static_cast<protocol::encoding>(i))}});
  return f;
}

MetricFamily bytes(const char* name, const char* help, const node_traffic& of,
                   actors::loop_counter loop_traffic::bytes::*counted) {
  MetricFamily f{name, help, MetricType::Counter, {}};
  std::uint64_t http = 0, websocket = 0;
  for (auto& loop : of) {
    http += (loop->http.*counted).value();
    websocket += (loop->websocket.*counted).value();
  }
  add(f, http, {{"protocol", "http"}});
  return add(f, websocket, {{"protocol", "websocket"}});
}

MetricFamily queued(const node_traffic& of) {
  MetricFamily f{"troupe_output_queued_bytes",
                 "Output that sockets have not taken yet; what goes to many counts for each.",
                 MetricType::Gauge,
                 {}};
  for (auto kind : {actors::output_kind::control, actors::output_kind::data})
    for (std::size_t i = 0; i < protocol::encoding_count; ++i) {
      std::uint64_t sum = 0; // of numbers that wrap: a loop's own are never below 0
      for (auto& loop : of)
        sum += loop->queued[i][static_cast<std::size_t>(kind)].value();
      add(f, sum,
          {{"kind", kind == actors::output_kind::control ? "control" : "data"},
           {"codec", name_of(static_cast<protocol::encoding>(i))}});
    }
  return f;
}

} // namespace

std::vector<MetricFamily> node_families(const actors::node_stats& now) {
  return {
    gauge("troupe_connections", "Open WebSockets.", now.connections),
    gauge("troupe_rooms", "Rooms.", now.rooms),
    gauge("troupe_members", "Memberships.", now.members),
    gauge("troupe_kept_sessions", "Sessions without a connection.", now.kept_sessions),
    total("troupe_resumes_total", "Sessions taken up again.", now.resumes),
    total("troupe_messages_in_total", "Messages received from clients.", now.messages_in),
    total("troupe_publishes_total", "Broadcasts ordered by rooms.", now.publishes),
    deliveries(now),
    total("troupe_skipped_total",
          "Frames for a moment only that were not given to members that were behind.", now.skipped),
    total("troupe_replaced_total", "Frames queued that gave way to newer ones of their key.",
          now.replaced),
    total("troupe_repeated_total", "Messages that rooms knew again by their ids.", now.repeated),
    total("troupe_ticks_total", "Ticks of rooms.", now.ticks),
    total("troupe_ticks_skipped_total", "Ticks of rooms that were not run: it was too late.",
          now.skipped_ticks),
    histogram("troupe_tick_delay_seconds", "How long after its time each tick of a room began.",
              now.tick_delays),
    histogram("troupe_tick_duration_seconds",
              "How long each tick of a room took, with the messages that had waited for it.",
              now.tick_times),
    total("troupe_room_messages_total", "Messages of other actors that rooms have handled.",
          now.room_messages),
    gauge("troupe_room_messages_waiting_most",
          "The most messages that waited for a room while it handled one of another actor.",
          now.most_room_messages),
    histogram("troupe_turn_duration_seconds",
              "How long turns of the event loops took, without their sleep.", now.turns),
    histogram("troupe_delivery_latency_seconds",
              "From the arrival of what the oldest batch of a flush answers to the flush that gave "
              "it to its last member on a loop.",
              now.delivery_times),
    gauge("troupe_output_bytes", "Live output buffers, each once, less what histories keep.",
          now.output_bytes),
    gauge("troupe_output_budget_bytes", "Bound of troupe_output_bytes; 0: none.", now.budget_bytes),
    gauge("troupe_history_bytes", "What rooms keep of what they have said.", now.history_bytes),
    gauge("troupe_history_budget_bytes", "Bound of troupe_history_bytes; 0: none.",
          now.history_budget_bytes),
    gauge("troupe_inbound_bytes", "Messages that have come in part, or are still to be inflated.",
          now.inbound_bytes),
    gauge("troupe_inbound_budget_bytes", "Bound of troupe_inbound_bytes; 0: none.",
          now.inbound_budget_bytes),
    gauge("troupe_profile_bytes", "Profiles of members.", now.profile_bytes),
    gauge("troupe_direct_bytes", "Directs that sessions keep.", now.direct_bytes),
  };
}

std::vector<MetricFamily> traffic_families(const node_traffic& of) {
  return {
    bytes("troupe_received_bytes_total", "Bytes read from sockets.", of,
          &loop_traffic::bytes::received),
    bytes("troupe_sent_bytes_total", "Bytes written to sockets.", of, &loop_traffic::bytes::sent),
    queued(of),
  };
}

std::vector<MetricFamily> process_families(const process_stats& now) {
  return {
    total("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
          now.cpu_seconds),
    gauge("process_open_fds", "Number of open file descriptors.", now.open_descriptors),
    gauge("process_max_fds", "Maximum number of open file descriptors.", now.max_descriptors),
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", now.virtual_bytes),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", now.resident_bytes),
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
          now.start_seconds),
    gauge("process_threads", "Number of OS threads in the process.", now.threads),
  };
}

MetricFamily build_info() {
  MetricFamily f{
    "troupe_build_info", "What this node was built from; always 1.", MetricType::Gauge, {}};
  auto caf = std::to_string(CAF_MAJOR_VERSION) + '.' + std::to_string(CAF_MINOR_VERSION) + '.'
           + std::to_string(CAF_PATCH_VERSION);
  auto version = std::to_string(TROUPE_VERSION_MAJOR) + '.' + std::to_string(TROUPE_VERSION_MINOR)
               + '.' + std::to_string(TROUPE_VERSION_PATCH);
  return add(f, 1, {{"version", version}, {"caf", caf}, {"compiler", BOOST_COMPILER}});
}

} // namespace troupe::transport
