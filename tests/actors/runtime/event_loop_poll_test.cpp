// A loop that its thread drives piece by piece.
#include <utility>

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/time_histogram.hpp>
#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

struct polled_loop {
  explicit polled_loop(loop_options o = {}) : loop(system, 0, o) {}

  /// How long a poll with that time takes.
  steady_clock::duration poll(std::chrono::nanoseconds max_wait) {
    auto began = steady_clock::now();
    goes_on = loop.poll(max_wait);
    return steady_clock::now() - began;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  event_loop loop;
  bool goes_on = true;
};

struct timer final : timer_wheel::entry {
  explicit timer(std::function<void()> w) : work(std::move(w)) {}
  void on_deadline() override { work(); }
  std::function<void()> work;
};

} // namespace

TEST_CASE("a poll runs what waits, and returns") {
  polled_loop l;
  int runs = 0;
  l.loop.post([&] {
    ++runs;
    l.loop.post([&] { ++runs; }); // what follows from it, too
  });
  CHECK(l.poll(10s) < 5s);
  CHECK(runs == 2);
  CHECK(l.goes_on);
}

TEST_CASE("a poll with nothing to do waits for its time, and no longer") {
  polled_loop l;
  CHECK(l.poll(0ns) < 5s);
  auto took = l.poll(50ms);
  CHECK(took >= 50ms);
  CHECK(took < 5s);
}

TEST_CASE("a post or an interrupt from another thread ends the wait of a poll") {
  for (auto posts : {true, false}) {
    polled_loop l;
    std::atomic<bool> ran{false};
    std::thread other{[&] {
      std::this_thread::sleep_for(20ms);
      if (posts)
        l.loop.post([&] { ran = true; });
      else
        l.loop.interrupt();
    }};
    CHECK(l.poll(60s) < 30s);
    CHECK(ran == posts);
    other.join();
  }
}

TEST_CASE("an interrupt before a poll ends its wait") {
  polled_loop l;
  l.loop.interrupt();
  CHECK(l.poll(60s) < 30s);
}

TEST_CASE("a timer ends the wait of a poll") {
  polled_loop l;
  int fired = 0;
  timer t{[&] { ++fired; }};
  l.loop.arm(t, 30ms);
  auto began = steady_clock::now();
  for (int polls = 0; fired == 0 && polls < 100; ++polls)
    l.poll(60s);
  CHECK(fired == 1);
  CHECK(steady_clock::now() - began < 30s);
}

TEST_CASE("a loop that always has something to do gives its thread back in time") {
  polled_loop l;
  std::size_t runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    l.loop.post(again);
  };
  l.loop.post(again);

  CHECK(l.poll(0ns) < 1s);
  CHECK(runs > 100); // a few milliseconds' worth, not one turn's
  auto took = l.poll(30ms);
  CHECK(took >= 30ms);
  CHECK(took < 1s);
  again = [] {};
}

TEST_CASE("what the thread does between two polls belongs to no turn") {
  testing::manual_clock clock;
  loop_options o;
  o.clock = &clock;
  polled_loop l{o};
  l.loop.post([&] {
    (void)l.loop.now();
    clock.advance(2ms);
  });
  l.poll(0ns);
  clock.advance(10s);
  l.loop.post([&] { (void)l.loop.now(); });
  l.poll(0ns);
  l.poll(0ns);

  time_counts turns;
  l.loop.turn_times().add_to(turns);
  CHECK(turns.count() == 2);
  CHECK(turns.sum < 1s);
  CHECK(l.loop.now_running().text() == "code between polls");
}

TEST_CASE("a poll within a turn of its own loop is refused with a sentence") {
  polled_loop l;
  std::string said;
  l.loop.post([&] {
    try {
      l.loop.poll(0ns);
    } catch (const std::logic_error& e) {
      said = e.what();
    }
  });
  l.poll(0ns);
  CHECK(said.find("wait for itself") != std::string::npos);
}

TEST_CASE("a poll tells when the loop has ended") {
  polled_loop l;
  l.poll(0ns);
  CHECK(l.goes_on);
  l.loop.stop();
  CHECK(l.poll(60s) < 30s);
  CHECK_FALSE(l.goes_on);
}

TEST_CASE("a poll whose wait is ended by work without end takes no longer than it was given") {
  polled_loop l;
  std::function<void()> again = [&] { l.loop.post(again); };
  std::thread other{[&] {
    std::this_thread::sleep_for(250ms);
    l.loop.post(again);
  }};

  CHECK(l.poll(300ms) < 500ms);
  other.join();
  again = [] {};
}
