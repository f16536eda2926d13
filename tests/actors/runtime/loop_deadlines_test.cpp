#include <utility>

#include <troupe/actors/event_loop.hpp>
#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct probe final : deadline_queue::entry {
  explicit probe(std::function<void()> f) : action(std::move(f)) {}
  void on_deadline() override { action(); }
  std::function<void()> action;
};

/// A loop whose clock and turns are the test's.
struct manual_loop {
  explicit manual_loop(std::size_t deadlines_per_turn = 64)
    : loop(system, 0, options(deadlines_per_turn)) {}
  loop_options options(std::size_t deadlines_per_turn) const {
    loop_options o;
    o.clock = &clock;
    o.deadlines_per_turn = deadlines_per_turn;
    return o;
  }
  void settle() {
    while (loop.run_turn()) {}
  }

  testing::manual_clock clock;
  caf::actor_system_config config;
  caf::actor_system system{config};
  event_loop loop;
};

/// How late the most punctual of some deadlines of a loop was that blocks meanwhile. `before` runs
/// on the loop first.
std::chrono::nanoseconds least_delay(const std::function<void(event_loop&)>& before = {}) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  event_loop loop{system, 0};
  std::thread runner{[&] { loop.run(); }};
  if (before)
    loop.post([&] { before(loop); });
  auto least = std::chrono::nanoseconds::max();
  for (int i = 0; i < 30; ++i) {
    std::promise<std::chrono::nanoseconds> late;
    steady_time due;
    probe p{[&] { late.set_value(std::chrono::steady_clock::now() - due); }};
    loop.post([&] {
      due = std::chrono::steady_clock::now() + 3100us;
      loop.deadlines().arm(p, due);
    });
    auto delay = late.get_future().get();
    CHECK(delay >= 0ns);
    least = std::min(least, delay);
  }
  loop.stop();
  runner.join();
  return least;
}

} // namespace

TEST_CASE("a loop that blocks wakes for a precise deadline, not for a whole millisecond") {
  CHECK(least_delay() < 600us);
}

TEST_CASE("so does a loop that waits for something of Asio's") {
  auto late = least_delay([](event_loop& loop) {
    auto far = std::make_shared<boost::asio::steady_timer>(loop.context(), 1h);
    far->async_wait([far](const boost::system::error_code&) {});
  });
  CHECK(late < 600us);
}

TEST_CASE("a turn runs the precise deadlines that are due, each with the time that it is then") {
  manual_loop m;
  std::vector<std::chrono::nanoseconds> seen;
  auto start = m.clock.now();
  auto note = [&] {
    seen.push_back(m.loop.now() - start);
    m.clock.advance(1ms);
  };
  probe first{note}, second{note}, later{note};
  m.loop.deadlines().arm(second, start + 20us);
  m.loop.deadlines().arm(first, start + 10us);
  m.loop.deadlines().arm(later, start + 2ms);

  m.loop.run_turn();
  CHECK(seen.empty());
  m.clock.advance(20us);
  m.loop.run_turn();

  CHECK(seen == std::vector<std::chrono::nanoseconds>{20us, 1020us, 2020us});
}

TEST_CASE("a turn runs a bounded number of precise deadlines, and flushes before the others") {
  manual_loop m{3};
  int ran = 0;
  std::vector<int> at_flush;
  m.loop.add_flusher([&] {
    at_flush.push_back(ran);
    return false;
  });
  std::vector<std::unique_ptr<probe>> all;
  for (int i = 0; i < 7; ++i) {
    all.push_back(std::make_unique<probe>([&] { ++ran; }));
    m.loop.deadlines().arm(*all.back(), m.clock.now());
  }

  m.settle();

  REQUIRE(at_flush.size() >= 3);
  CHECK(std::vector<int>{at_flush.begin(), at_flush.begin() + 3} == std::vector<int>{3, 6, 7});
}

TEST_CASE("a precise deadline that throws is reported, and the others run in the same turn") {
  manual_loop m;
  bool ran = false;
  probe bad{[] { throw std::runtime_error{"bad"}; }};
  probe good{[&] { ran = true; }};
  m.loop.deadlines().arm(bad, m.clock.now());
  m.loop.deadlines().arm(good, m.clock.now());

  m.loop.run_turn();

  CHECK(ran);
}

TEST_CASE("a loop without deadlines in a turn is refused") {
  CHECK_THROWS_AS(manual_loop{0}, std::invalid_argument);
}
