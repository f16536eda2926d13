#include <utility>

#include "runtime/ticker.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

/// A loop whose clock and turns are the test's.
struct manual_loop {
  loop_options options() const {
    loop_options o;
    o.clock = &clock;
    return o;
  }
  void settle() {
    while (loop.run_turn()) {}
  }

  testing::manual_clock clock;
  caf::actor_system_config config;
  caf::actor_system system{config};
  event_loop loop{system, 0, options()};
};

/// Ticks at its times, and notes them.
struct ticking final : ticker::member {
  ticking(manual_loop& o, ticker& t, unsigned rate)
    : owner(o), among(t), start(t.next_start()), clock(start, rate) {
    among.wait_until(*this, clock.next_due());
  }
  void on_tick_due() override {
    auto now = owner.loop.now();
    auto t = clock.take(now, 0);
    REQUIRE(t);
    CHECK(now == clock.due(t->number));
    ticks.push_back(now);
    among.wait_until(*this, clock.next_due());
  }
  manual_loop& owner;
  ticker& among;
  steady_time start;
  tick_clock clock;
  std::vector<steady_time> ticks;
};

/// Moves time to each deadline on the way.
void pass(manual_loop& m, std::chrono::nanoseconds time) {
  auto end = m.clock.now() + time;
  while (m.clock.now() < end) {
    auto next = std::min(m.loop.deadlines().next().value_or(end), end);
    REQUIRE(next > m.clock.now());
    m.clock.advance(next - m.clock.now());
    m.settle();
  }
}

} // namespace

TEST_CASE(
  "all that ticks at one rate shares a deadline of the loop's, and ticks at its own times") {
  manual_loop m;
  ticker among{m.loop, 30};
  std::vector<std::unique_ptr<ticking>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<ticking>(m, among, 30));
    pass(m, 1ms);
  }

  CHECK(m.loop.deadlines().armed_entries() == 1);
  for (auto& t : all)
    t->ticks.clear();
  pass(m, 10s);
  for (auto& t : all)
    CHECK(t->ticks.size() == 300);
}

/// 16 instants, 2.08 ms apart.
TEST_CASE("the phases of what ticks are spread over the period, whenever it was made") {
  for (auto apart : {0ns, 33'333'333ns, 7'000'000ns}) {
    manual_loop m;
    ticker among{m.loop, 30};
    std::vector<std::unique_ptr<ticking>> all;
    for (int i = 0; i < 64; ++i) {
      all.push_back(std::make_unique<ticking>(m, among, 30));
      if (apart > 0ns)
        pass(m, apart);
    }
    constexpr auto period = 1e9 / 30;
    std::vector<double> phases;
    for (auto& t : all)
      phases.push_back(std::fmod(static_cast<double>((t->start - steady_time{}).count()), period)
                       / period);
    std::sort(phases.begin(), phases.end());
    auto widest = phases.front() + 1 - phases.back();
    for (std::size_t i = 1; i < phases.size(); ++i)
      widest = std::max(widest, phases[i] - phases[i - 1]);
    INFO("made " << apart.count() << " ns apart");
    CHECK(widest < 1.01 / 16);
    std::vector<int> at_instant(16);
    for (auto phase : phases)
      ++at_instant[static_cast<std::size_t>(std::fmod((phase - phases.front()) * 16 + 0.1, 16))];
    CHECK(*std::max_element(at_instant.begin(), at_instant.end()) <= 6); // even would be 4
  }
}

TEST_CASE("what ticks starts at most a period before it is made") {
  manual_loop m;
  ticker among{m.loop, 7};
  for (int i = 0; i < 1000; ++i) {
    auto start = among.next_start();
    CHECK(start <= m.clock.now());
    CHECK(m.clock.now() - start < 1s / 7.0 + 1ns);
    m.clock.advance(13'000'001ns);
  }
}

TEST_CASE("what stops, or ends, ticks no more, and the others go on") {
  manual_loop m;
  ticker among{m.loop, 100};
  auto first = std::make_unique<ticking>(m, among, 100);
  ticking second{m, among, 100}, third{m, among, 100};
  pass(m, 1s);
  first.reset();
  second.stop();
  auto before = second.ticks.size();
  third.ticks.clear();

  pass(m, 1s);

  CHECK(second.ticks.size() == before);
  CHECK(third.ticks.size() == 100);
}

TEST_CASE("what ticks may outlive its ticker") {
  manual_loop m;
  auto among = std::make_unique<ticker>(m.loop, 30);
  ticking t{m, *among, 30};
  among.reset();
  CHECK_FALSE(t.waits());
  CHECK(m.loop.deadlines().empty());
}
