// The gain from a second loop, with real threads and with sinks in memory, so that neither sockets
// nor a load count.
#include <utility>

#include "counting_sink.hpp"
#include "one_worker.hpp"
#include "registry.hpp"

#include <troupe/actors/node.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace troupe::bench {

namespace {

constexpr std::size_t work_bytes = 256; ///< read for each delivery, in place of a socket's copy

/// Reads the bytes that it is given, as a socket would.
struct reading_sink : counting_sink {
  void write(const protocol::shared_bytes& bytes, std::span<const actors::byte_range> parts,
             std::uint32_t n) override {
    for (auto part : parts)
      for (std::uint32_t i = part.begin; i < part.end && i < part.begin + work_bytes; ++i)
        sum = sum * 31 + static_cast<unsigned char>(bytes.data()[i]);
    frames += n;
    seen(n);
  }
  virtual void seen(std::uint32_t) {}
  std::uint64_t sum = 0;
};

/// A member that sends its next message when the last one comes back.
struct talker final : reading_sink {
  void seen(std::uint32_t n) override {
    if (running->load(std::memory_order_relaxed))
      home->post([this, n] {
        for (std::uint32_t i = 0; i < n; ++i)
          port.deliver(message, false);
      });
  }
  actors::event_loop* home = nullptr;
  std::atomic<bool>* running = nullptr;
  protocol::shared_bytes message;
  actors::connection_port port;
};

struct world {
  world(unsigned loops, std::size_t rooms, std::size_t members) : node(system, options(loops)) {
    node.start();
    for (std::size_t r = 0; r < rooms; ++r) {
      auto name = "room" + std::to_string(r);
      auto join = protocol::shared_bytes::copy_of(R"({"type":"join","roomId":")" + name + "\"}");
      for (std::size_t m = 0; m < members; ++m) {
        auto index = static_cast<unsigned>((r + m) % loops);
        auto& home = node.loop(index);
        on(home, [&] {
          auto open = [&](counting_sink& sink) {
            return node.open(home, sink, {protocol::encoding::v1_json, {}, {}});
          };
          if (m == 0) {
            auto& t = talkers.emplace_back();
            t.home = &home;
            t.running = &running;
            t.message =
              protocol::shared_bytes::copy_of(R"({"type":"message","roomId":")" + name
                                              + R"(","text":")" + std::string(64, 'x') + "\"}");
            t.port = open(t);
            t.port.deliver(join, false);
          } else {
            ports.emplace_back(&home, open(listeners.emplace_back()));
            ports.back().second.deliver(join, false);
          }
        });
      }
    }
    while (node.stats().members < rooms * members)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }

  ~world() {
    running = false;
    for (auto& t : talkers)
      on(*t.home, [&] { t.port.closed(); });
    for (auto& [home, port] : ports)
      on(*home, [&port = port] { port.closed(); });
    node.stop();
  }

  static actors::node_options options(unsigned loops) {
    actors::node_options o;
    o.loops = loops;
    o.announce = false;
    o.heartbeat.interval = {};
    o.connections.messages_per_second = 0;
    return o;
  }

  static void on(actors::event_loop& loop, const std::function<void()>& f) {
    std::promise<void> done;
    loop.post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }

  void start(int in_flight) {
    running = true;
    for (auto& t : talkers)
      t.home->post([&t, in_flight] {
        for (int i = 0; i < in_flight; ++i)
          t.port.deliver(t.message, false);
      });
  }

  caf::actor_system_config config;
  caf::actor_system system{one_worker(config)};
  std::atomic<bool> running{false};
  actors::node node;
  std::deque<talker> talkers;
  std::deque<reading_sink> listeners;
  std::deque<std::pair<actors::event_loop*, actors::connection_port>> ports;
};

void measure(benchmark::State& state, std::size_t rooms, std::size_t members, int in_flight) {
  world w{static_cast<unsigned>(state.range(0)), rooms, members};
  w.start(in_flight);
  std::this_thread::sleep_for(std::chrono::milliseconds{100});
  auto before = w.node.stats().deliveries;
  for (auto _ : state)
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
  state.SetItemsProcessed(static_cast<std::int64_t>(w.node.stats().deliveries - before));
}

void hot_room(benchmark::State& state) { measure(state, 1, 2000, 8); }
void many_rooms(benchmark::State& state) { measure(state, 100, 20, 4); }

} // namespace

std::vector<entry> loop_benchmarks() {
  return {{"loops/hot_room", hot_room, 1},
          {"loops/hot_room", hot_room, 2},
          {"loops/many_rooms", many_rooms, 1},
          {"loops/many_rooms", many_rooms, 2}};
}

} // namespace troupe::bench
