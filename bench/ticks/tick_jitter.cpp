// tick_jitter --rooms 1000 --bots 4 --rate 30 --seconds 10
// How late ticks begin: many rooms on one loop, whose members answer each tick with a message,
// beside a bare thread that sleeps to the times of the same ticks. Sinks are in memory: no socket
// counts.
#include <utility>

#include "micro/counting_sink.hpp"
#include "micro/one_worker.hpp"

#include <troupe/actors/init.hpp>
#include <troupe/actors/node.hpp>

#include <CLI/CLI.hpp>

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace troupe;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

struct options {
  unsigned rooms = 1000;
  unsigned bots = 4;
  unsigned rate = 30;
  unsigned seconds = 10;
};

/// What the rooms note; the loop's thread alone.
struct record {
  bool is_on = false;
  std::vector<std::chrono::nanoseconds> delays;
  std::uint64_t inputs = 0, skipped = 0;
};

/// A game of a few numbers for each player: its players' inputs of a tick, then one broadcast.
class arena final : public actors::room_behavior {
public:
  explicit arena(record& r) : record_(r) {
    on("input",
       [this](actors::room_context&, const actors::member&, const actors::application_message& m) {
         x_ += m.fields.number("dx").value_or(0);
         record_.inputs += record_.is_on;
       });
  }
  void on_tick(actors::room_context& room, const actors::tick_info& t) override {
    room.broadcast(
      {"state", {{"tick", static_cast<std::int64_t>(t.number)}, {"x", x_}}, {}, true, false});
    if (!record_.is_on)
      return;
    record_.delays.push_back(t.late);
    record_.skipped += t.skipped;
  }

private:
  record& record_;
  double x_ = 0;
};

/// A player without a socket, which answers all that it is sent with one input.
struct bot final : bench::counting_sink {
  void write(const protocol::shared_bytes& b, std::span<const actors::byte_range> parts,
             std::uint32_t n) override {
    counting_sink::write(b, parts, n);
    home->post([this] { port.deliver(input, false); });
  }
  actors::event_loop* home = nullptr;
  actors::connection_port port;
  protocol::shared_bytes input = protocol::shared_bytes::copy_of(R"({"type":"input","dx":0.25})");
};

struct world {
  explicit world(const options& o) : node(system, for_one_loop()) {
    actors::room_options of;
    of.tick.rate = o.rate;
    node.rooms(
      "*", [this](auto) { return std::make_unique<arena>(seen); }, of);
    node.start();
    for (unsigned r = 0; r < o.rooms; ++r)
      on_loop([&] {
        auto join = protocol::shared_bytes::copy_of(R"({"type":"join","roomId":"r)"
                                                    + std::to_string(r) + "\"}");
        for (unsigned b = 0; b < o.bots; ++b) {
          auto& player = bots.emplace_back();
          player.home = &node.loop(0);
          player.port = node.open(node.loop(0), player, {protocol::encoding::v1_json, {}, {}});
          player.port.deliver(join, false);
        }
      });
    while (node.stats().members < std::size_t{o.rooms} * o.bots)
      std::this_thread::sleep_for(1ms);
  }
  ~world() {
    on_loop([&] {
      for (auto& b : bots)
        b.port.closed();
    });
    node.stop();
  }

  static actors::node_options for_one_loop() {
    actors::node_options o;
    o.announce = false;
    o.heartbeat.interval = {};
    o.connections.messages_per_second = 0;
    return o;
  }

  void on_loop(const std::function<void()>& f) {
    std::promise<void> done;
    node.loop(0).post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }

  /// CPU time of the loop's thread so far.
  std::chrono::nanoseconds busy() {
    std::chrono::nanoseconds spent{};
    on_loop([&] {
      timespec t;
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      spent = std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
    });
    return spent;
  }

  caf::actor_system_config config;
  caf::actor_system system{bench::one_worker(config)};
  record seen;
  actors::node node;
  std::deque<bot> bots;
};

/// How late a thread wakes that only sleeps to the times of those ticks, as often as there are.
std::vector<std::chrono::nanoseconds> bare_delays(const options& o) {
  std::vector<std::chrono::nanoseconds> delays;
  auto start = clock_type::now() + 10ms;
  std::chrono::duration<double> apart{1.0 / o.rate / o.rooms};
  auto count = std::size_t{o.rooms} * o.rate * o.seconds;
  delays.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto due =
      start + std::chrono::duration_cast<clock_type::duration>(apart * static_cast<double>(i));
    auto since = due.time_since_epoch();
    auto whole = std::chrono::duration_cast<std::chrono::seconds>(since);
    timespec until{whole.count(), static_cast<long>((since - whole).count())};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    delays.push_back(clock_type::now() - due);
  }
  return delays;
}

void print(const char* whose, std::vector<std::chrono::nanoseconds> delays) {
  if (delays.empty())
    return;
  std::sort(delays.begin(), delays.end());
  auto at = [&](double part) {
    auto i = static_cast<std::size_t>(part * static_cast<double>(delays.size() - 1));
    return static_cast<double>(delays[i].count()) / 1e6;
  };
  std::printf("%-12s %9zu  p50 %7.3f  p99 %7.3f  p99.9 %7.3f  most %7.3f ms\n", whose,
              delays.size(), at(0.5), at(0.99), at(0.999), at(1));
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Measures how late the ticks of many rooms on one loop begin."};
  app.add_option("--rooms", o.rooms);
  app.add_option("--bots", o.bots, "members of each room");
  app.add_option("--rate", o.rate, "ticks a second");
  app.add_option("--seconds", o.seconds);
  CLI11_PARSE(app, argc, argv);
  troupe::init();

  world w{o};
  std::this_thread::sleep_for(1s);
  w.on_loop([&] {
    w.seen.delays.reserve(std::size_t{o.rooms} * o.rate * (o.seconds + 1));
    w.seen.is_on = true;
  });
  auto began = clock_type::now();
  auto before = w.busy();
  std::thread bare{[&] { print("bare thread", bare_delays(o)); }};
  std::this_thread::sleep_for(std::chrono::seconds{o.seconds});
  auto spent = w.busy() - before;
  std::chrono::duration<double> took = clock_type::now() - began;
  w.on_loop([&] { w.seen.is_on = false; });
  bare.join();

  auto stats = w.node.stats();
  print("ticks", w.seen.delays);
  std::printf("loop busy %.1f %%, %llu inputs, %llu ticks skipped, %.2f us for a tick with its "
              "messages, %.2f us of CPU for a member and tick\n",
              100 * std::chrono::duration<double>(spent).count() / took.count(),
              static_cast<unsigned long long>(w.seen.inputs),
              static_cast<unsigned long long>(w.seen.skipped),
              static_cast<double>(stats.tick_times.sum.count())
                / static_cast<double>(stats.tick_times.count()) / 1e3,
              static_cast<double>(spent.count())
                / (static_cast<double>(w.seen.delays.size()) * o.bots) / 1e3);
}
