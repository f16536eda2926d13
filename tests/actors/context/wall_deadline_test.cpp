#include "context/wall_deadline.hpp"

#include "actors/endpoint/endpoint_stage.hpp"

#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

/// A loop whose turns and clock the test drives.
struct moved_loop {
  moved_loop() { options.clock = &clock; }

  std::unique_ptr<wall_deadline> deadline_in(std::chrono::milliseconds time) {
    auto d = std::make_unique<wall_deadline>(watch(), clock.wall_now() + time, [this] { ++fired; });
    d->start();
    return d;
  }
  wall_watch& watch() {
    if (!watch_)
      watch_.emplace(loop());
    return *watch_;
  }
  event_loop& loop() {
    if (!loop_)
      loop_.emplace(system, 0, options);
    return *loop_;
  }
  /// Lets time pass in small steps, as a running loop sees it.
  void pass(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds step{20};
    for (; time.count() > 0; time -= step) {
      clock.advance(std::min(time, step));
      loop().run_turn();
    }
  }

  testing::manual_clock clock;
  loop_options options;
  caf::actor_system_config config;
  caf::actor_system system{set(config)};
  int fired = 0;

private:
  static caf::actor_system_config& set(caf::actor_system_config& c) {
    compat::set_worker_threads(c, 1);
    return c;
  }
  std::optional<event_loop> loop_;
  std::optional<wall_watch> watch_;
};

} // namespace

TEST_CASE("a wall deadline fires when its time has come, once and not before") {
  moved_loop m;
  auto d = m.deadline_in(10s);

  m.pass(9980ms);
  CHECK(m.fired == 0);
  m.pass(40ms);
  CHECK(m.fired == 1);
  m.pass(10s);
  CHECK(m.fired == 1);
}

TEST_CASE(
  "a wall clock that is set forward, or a machine that slept, ends what is over within 3 s") {
  auto jump = GENERATE(1h, 24h, 24h * 365);
  moved_loop m;
  auto soon = m.deadline_in(jump - 1min);
  auto later = m.deadline_in(jump + 1min);
  m.pass(5s);

  m.clock.set_wall_by(jump);
  m.pass(3s);

  CHECK(m.fired == 1);
  m.pass(1min);
  CHECK(m.fired == 2);
}

TEST_CASE("a wall clock that is set back makes a deadline later") {
  moved_loop m;
  auto d = m.deadline_in(10s);
  m.pass(5s);

  m.clock.set_wall_by(-1h);
  m.pass(10s);
  CHECK(m.fired == 0);

  m.pass(1h - 5s - 20ms);
  CHECK(m.fired == 0);
  m.pass(40ms);
  CHECK(m.fired == 1);
}

TEST_CASE("a wall clock that is set more than once is followed each time") {
  moved_loop m;
  auto d = m.deadline_in(2h);

  for (auto by : {30min, -45min, 20min}) {
    m.clock.set_wall_by(by);
    m.pass(4s);
    CHECK(m.fired == 0);
  }
  m.clock.set_wall_by(2h);
  m.pass(3s);

  CHECK(m.fired == 1);
}

TEST_CASE("a wall clock that drifts away is followed although it never jumps") {
  moved_loop m;
  auto d = m.deadline_in(1min);

  for (int i = 0; i < 300; ++i) { // the wall clock runs a fifth too fast
    m.clock.set_wall_by(20ms);
    m.pass(100ms);
  }

  CHECK(m.fired == 0); // 36 s by the wall clock
  for (int i = 0; i < 215; ++i) {
    m.clock.set_wall_by(20ms);
    m.pass(100ms);
  }
  CHECK(m.fired == 1); // 61.8 s by the wall clock
}

TEST_CASE(
  "a deadline that is destroyed calls nobody, and without any the clocks are not compared") {
  moved_loop m;
  auto gone = m.deadline_in(1h);
  auto other = m.deadline_in(2h);
  CHECK(m.loop().timers().armed_entries() == 3);
  gone.reset();
  m.clock.set_wall_by(90min);
  m.pass(3s);
  CHECK(m.fired == 0);

  other.reset();
  m.pass(3s);

  CHECK(m.fired == 0);
  CHECK(m.loop().timers().armed_entries() == 0);
}

TEST_CASE("what a deadline does may end all others of its loop") {
  moved_loop m;
  std::vector<std::unique_ptr<wall_deadline>> all;
  int fired = 0;
  for (int i = 0; i < 10; ++i) {
    all.push_back(std::make_unique<wall_deadline>(m.watch(), m.clock.wall_now() + 1h, [&] {
      ++fired;
      for (auto& d : all)
        d.reset();
    }));
    all.back()->start();
  }

  m.clock.set_wall_by(2h);
  m.pass(3s);

  CHECK(fired == 1);
}

TEST_CASE("a token of a raw connection ends within 5 s of a step of the wall clock") {
  test::stage s;
  connection_info info;
  auto c = std::make_shared<claims>();
  c->subject = "ann";
  c->expires_at = s.clock.wall_now() + 12h;
  info.claims = c;
  auto ann = s.connect(0, info);

  s.clock.set_wall_by(13h);
  for (int i = 0; i < 50; ++i) {
    s.clock.advance(100ms);
    s.settle();
  }

  CHECK(ann->ends == test::strings{"token_expired"});
}
