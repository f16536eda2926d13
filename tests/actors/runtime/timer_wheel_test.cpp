#include <troupe/actors/timer_wheel.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct probe final : timer_wheel::entry {
  explicit probe(std::function<void()> f = {}) : action(std::move(f)) {}
  void on_deadline() override {
    ++fired;
    if (action)
      action();
  }
  int fired = 0;
  std::function<void()> action;
};

const steady_time start{1000h};

} // namespace

TEST_CASE("an entry fires once its deadline has passed, and only once") {
  timer_wheel wheel{start};
  probe p;
  wheel.arm(p, start + 25ms);

  wheel.advance(start + 20ms);
  CHECK(p.fired == 0);
  wheel.advance(start + 30ms);
  CHECK(p.fired == 1);
  wheel.advance(start + 10s);
  CHECK(p.fired == 1);
  CHECK(wheel.armed_entries() == 0);
}

TEST_CASE("a cancelled or destroyed entry does not fire") {
  timer_wheel wheel{start};
  probe cancelled;
  wheel.arm(cancelled, start + 10ms);
  cancelled.cancel();
  {
    probe destroyed;
    wheel.arm(destroyed, start + 10ms);
  }

  wheel.advance(start + 1s);

  CHECK(cancelled.fired == 0);
  CHECK(wheel.armed_entries() == 0);
}

TEST_CASE("arming again replaces the deadline") {
  timer_wheel wheel{start};
  probe p;
  wheel.arm(p, start + 10ms);
  wheel.arm(p, start + 1h);

  wheel.advance(start + 59min);
  CHECK(p.fired == 0);
  wheel.advance(start + 1h + 10ms);
  CHECK(p.fired == 1);
}

TEST_CASE("an entry may arm itself again from its own deadline") {
  timer_wheel wheel{start};
  auto now = start;
  probe p;
  p.action = [&] { wheel.arm(p, now + 100ms); };
  wheel.arm(p, start + 100ms);

  for (int i = 0; i < 100; ++i) {
    now += 10ms;
    wheel.advance(now);
  }

  CHECK(p.fired >= 9);
  CHECK(p.fired <= 10);
}

TEST_CASE("an exception leaves the other entries of the slot armed") {
  timer_wheel wheel{start};
  probe bad{[] { throw std::runtime_error{"bad"}; }};
  probe good;
  wheel.arm(bad, start + 10ms);
  wheel.arm(good, start + 10ms);

  CHECK_THROWS(wheel.advance(start + 20ms));
  wheel.advance(start + 1s);

  CHECK(bad.fired == 1);
  CHECK(good.fired == 1);
}

TEST_CASE("entries fire never early and at most a tick late, whatever the order of deadlines") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    timer_wheel wheel{start};
    auto now = start;
    struct timed final : timer_wheel::entry {
      void on_deadline() override {
        CHECK(*clock >= due);
        CHECK(*clock - due <= 2 * timer_wheel::tick);
        done = true;
      }
      steady_time due;
      const steady_time* clock = nullptr;
      bool done = false;
    };
    std::vector<std::unique_ptr<timed>> all;
    for (int i = 0; i < 300; ++i) {
      auto& t = *all.emplace_back(std::make_unique<timed>());
      auto exponent = std::uniform_int_distribution<>{0, 22}(random);
      t.due =
        now + std::chrono::milliseconds{std::uniform_int_distribution<>{1, 1 << exponent}(random)};
      t.clock = &now;
      wheel.arm(t, t.due);
    }
    while (auto next = wheel.next_wake_up()) {
      REQUIRE(*next > now);
      now = *next;
      wheel.advance(now);
    }
    for (auto& t : all)
      CHECK(t->done);
  }
}
