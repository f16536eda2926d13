// The whole path of a message without sockets: decode, connection, room, dispatchers, sinks.
#include <utility>

#include "counting_sink.hpp"
#include "one_worker.hpp"
#include "registry.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace troupe::bench {

namespace {

using protocol::encoding;

/// A node without threads and its clients.
struct stage {
  explicit stage(unsigned loops = 1) : node(system, options(loops)), drive(node) {}

  actors::node_options options(unsigned loops) {
    actors::node_options o;
    o.loops = loops;
    o.clock = &clock;
    o.announce = false;
    o.heartbeat.interval = {};
    o.connections.messages_per_second = 0;
    return o;
  }

  void join(encoding e, const std::string& room) {
    auto& sink = sinks.emplace_back();
    auto& port = ports.emplace_back(node.open(node.loop(0), sink, {e, {}, {}}));
    auto text = R"({"type":"join","roomId":")" + room + "\"}";
    port.deliver(
      protocol::shared_bytes::copy_of(e == encoding::v1_msgpack
                                        ? std::string{"\x82\xa4type\xa4join\xa6roomId\xa5"} + room
                                        : text),
      e == encoding::v1_msgpack);
    drive.settle();
  }

  caf::actor_system_config config;
  caf::actor_system system{one_worker(config)};
  testing::manual_clock clock;
  actors::node node;
  testing::manual_loops drive;
  std::deque<counting_sink> sinks;
  std::deque<actors::connection_port> ports;
};

void publish(benchmark::State& state, bool mixed) {
  auto members = state.range(0);
  stage s;
  for (std::int64_t i = 0; i < members; ++i)
    s.join(mixed && i % 2 == 1 ? encoding::v1_msgpack : encoding::v1_json, "room0");
  auto message = protocol::shared_bytes::copy_of(R"({"type":"message","roomId":"room0","text":")"
                                                 + std::string(64, 'x') + "\"}");
  auto round = [&] {
    s.ports.front().deliver(message, false);
    s.drive.settle();
  };
  for (int i = 0; i < 600; ++i)
    round(); // until the room's history is full
  auto before = s.sinks.back().frames;
  {
    allocation_count count{state};
    for (auto _ : state)
      round();
  }
  if (s.sinks.back().frames - before != static_cast<std::uint64_t>(state.iterations()))
    state.SkipWithError("a message did not arrive");
  state.SetItemsProcessed(state.iterations() * members);
  for (auto& p : s.ports)
    p.closed();
  s.drive.settle();
}

void publish_json(benchmark::State& state) { publish(state, false); }
void publish_mixed(benchmark::State& state) { publish(state, true); }

/// A member joins a room of others and leaves it.
void join_and_leave(benchmark::State& state) {
  stage s;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    s.join(encoding::v1_json, "room0");
  auto join = protocol::shared_bytes::copy_of(R"({"type":"join","roomId":"room0"})");
  auto leave = protocol::shared_bytes::copy_of(R"({"type":"leave","roomId":"room0"})");
  {
    allocation_count count{state};
    for (auto _ : state) {
      s.ports.front().deliver(leave, false);
      s.drive.settle();
      s.ports.front().deliver(join, false);
      s.drive.settle();
    }
  }
  for (auto& p : s.ports)
    p.closed();
  s.drive.settle();
}

} // namespace

std::vector<entry> path_benchmarks() {
  return {
    {"publish", publish_json, 1, 2'000},           {"publish", publish_json, 10, 2'000},
    {"publish", publish_json, 1000, 200},          {"publish_mixed", publish_mixed, 1000, 200},
    {"join_and_leave", join_and_leave, 10, 1'000},
  };
}

} // namespace troupe::bench
