#include <utility>

#include "await_sleep.hpp"
#include "support/fake_sink.hpp"
#include "support/tsan_suppressions.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <future>
#include <thread>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct ball {
  int hops = 0;
};

} // namespace

CAF_BEGIN_TYPE_ID_BLOCK(event_loop_test, 5010)
CAF_ADD_TYPE_ID(event_loop_test, (ball))
CAF_END_TYPE_ID_BLOCK(event_loop_test)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ball)

namespace {

[[maybe_unused]] const bool has_types =
  (compat::register_messages<caf::id_block::event_loop_test>(), true);

using player_actor = compat::typed_actor<caf::result<void>(ball), caf::result<int>(int)>;

/// Passes a ball to its partner until no hops are left; notes the threads on which it ran.
class player final : public compat::pinned<player_actor::base> {
public:
  struct record {
    std::promise<void> over;
    std::atomic<int> wrong_thread{0};
    std::atomic<int> released{0};
  };

  player(caf::actor_config& cfg, compat::loop_context& home, record& r, player_actor partner)
    : pinned(cfg, home), record_(r), partner_(std::move(partner)) {}

  const char* name() const override { return "player"; }

  behavior_type make_behavior() override {
    check();
    return {
      [this](const ball& b) {
        check();
        ++balls_;
        if (b.hops == 0)
          record_.over.set_value();
        else
          compat::send(this, partner_ ? partner_ : caf::actor_cast<player_actor>(current_sender()),
                       ball{b.hops - 1});
      },
      [this](int x) -> caf::result<int> {
        check();
        if (x < 0)
          throw std::runtime_error{"negative"};
        return balls_ + x;
      },
    };
  }

private:
  void check() {
    compat::acquire_annotation(this); // a message may have come while the actor was running
    if (!static_cast<event_loop&>(home()).is_current())
      ++record_.wrong_thread;
  }
  void release_state() override {
    check();
    partner_ = nullptr;
    ++record_.released;
  }

  record& record_;
  player_actor partner_;
  int balls_ = 0;
};

struct error_counters final : protocol::event_counters {
  void count(protocol::counter what, std::string_view, std::uint64_t n) noexcept override {
    if (what == protocol::counter::handler_errors)
      errors += n;
  }
  std::atomic<std::uint64_t> errors{0};
};

struct system_fixture {
  system_fixture() { compat::set_worker_threads(config, 1); }
  caf::actor_system_config config;
};

/// A loop whose turns the test runs, and the errors that it counts.
struct counted_loop {
  loop_options options() {
    loop_options o;
    o.counters = &seen;
    return o;
  }
  error_counters seen;
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0, options()};
};

} // namespace

TEST_CASE("actors on two loops play over threads, each on its own loop only") {
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop first{system, 0}, second{system, 1};
  player::record record;
  {
    auto a = compat::spawn_on<player>(first, record, player_actor{});
    auto b = compat::spawn_on<player>(second, record, a);
    std::thread one{[&] { first.run(); }}, two{[&] { second.run(); }};
    compat::anon_send(b, ball{20'000});
    record.over.get_future().wait();
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
    first.stop();
    second.stop();
    one.join();
    two.join();
  }
  CHECK(record.wrong_thread == 0);
  CHECK(record.released == 2);
  CHECK(first.pinned_actors() == 0);
}

TEST_CASE("work posted from many threads runs on the loop, all of it") {
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  int sum = 0; // only the loop touches it
  std::promise<void> all;
  std::thread runner{[&] { loop.run(); }};
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t)
    posters.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        loop.post([&] {
          if (++sum == 4000)
            all.set_value();
        });
    });
  for (auto& p : posters)
    p.join();
  all.get_future().wait();
  loop.stop();
  runner.join();
  CHECK(sum == 4000);
}

TEST_CASE("an exception out of a handler is counted and stops nothing") {
  counted_loop c;
  bool ran = false;
  c.loop.post([] { throw std::runtime_error{"bad"}; });
  c.loop.post([] { throw 42; });
  c.loop.post([&] { ran = true; });

  while (c.loop.run_turn()) {}

  CHECK(c.seen.errors == 2);
  CHECK(ran);
}

TEST_CASE("a turn takes no more handlers once they fill its flush, and the rest have theirs") {
  system_fixture f;
  caf::actor_system system{f.config};
  loop_options options;
  options.least_handlers = 2;
  event_loop loop{system, 0, options};
  int ran = 0, waiting = 0;
  loop.add_flusher([&] {
    waiting = 0;
    return false;
  });
  bool is_full = false;
  loop.set_flush_gauge({.is_full = [&] { return is_full || waiting == 3; }});
  for (int i = 0; i < 7; ++i)
    loop.post([&] {
      ++ran;
      ++waiting;
    });

  loop.run_turn();
  CHECK(ran == 3);
  is_full = true;
  loop.run_turn();
  CHECK(ran == 5); // no fewer than the minimum
  std::thread runner{[&] { loop.run(); }};
  std::promise<void> done;
  loop.post([&] { done.set_value(); });
  CHECK(done.get_future().wait_for(10s) == std::future_status::ready);
  loop.stop();
  runner.join();
  CHECK(ran == 7);
}

TEST_CASE("an actor that throws ends alone and its requester is told") {
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  player::record record;
  std::thread runner{[&] { loop.run(); }};
  {
    auto bad = compat::spawn_on<player>(loop, record, player_actor{});
    auto good = compat::spawn_on<player>(loop, record, player_actor{});
    caf::scoped_actor self{system};
    bool failed = false;
    compat::request(self, bad, 10s, -1)
      .receive([](int) {}, [&](const caf::error&) { failed = true; });
    int answer = 0;
    compat::request(self, good, 10s, 7)
      .receive([&](int x) { answer = x; }, [](const caf::error&) {});
    CHECK(failed);
    CHECK(answer == 7);
    caf::anon_send_exit(good, caf::exit_reason::user_shutdown);
  }
  loop.stop();
  runner.join();
  CHECK(record.released == 2);
}

// CAF's own threads are not instrumented: TSan does not see how they hand memory over.
#ifndef __SANITIZE_THREAD__
namespace {

/// An actor that runs on CAF's own threads.
class wanderer final : public player_actor::base {
public:
  wanderer(caf::actor_config& cfg, std::promise<std::thread::id>& p)
    : player_actor::base(cfg), ran_on_(p) {}
  behavior_type make_behavior() override {
    return {
      [this](const ball&) { ran_on_.set_value(std::this_thread::get_id()); },
      [](int x) -> caf::result<int> { return x; },
    };
  }

private:
  std::promise<std::thread::id>& ran_on_;
};

} // namespace

TEST_CASE("an actor on no loop that an actor of a loop sends to runs on CAF's threads") {
  counted_loop l;
  player::record record;
  std::promise<std::thread::id> ran_on;
  auto stranger = l.system.spawn<wanderer>(ran_on);
  auto ours = compat::spawn_on<player>(l.loop, record, stranger);
  compat::anon_send(ours, ball{1});
  while (l.loop.run_turn()) {}

  CHECK(ran_on.get_future().get() != std::this_thread::get_id());
  caf::anon_send_exit(ours, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(stranger, caf::exit_reason::user_shutdown);
  while (l.loop.pinned_actors() > 0)
    l.loop.run_turn();
}
#endif

TEST_CASE("a loop that stops lets all its sessions end, however many they are") {
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  std::vector<test::fake_sink> sinks(1000);
  for (auto& sink : sinks) {
    auto key = loop.sessions().open(sink);
    loop.post([&loop, key] { loop.sessions().close(key); });
  }
  loop.stop();
  loop.run();
  CHECK(loop.sessions().size() == 0);
}

namespace {

/// A loop whose turns the test runs, and sinks for which it opens sessions.
struct loop_with_sinks {
  explicit loop_with_sinks(std::size_t count) : sinks(count) {}

  /// Opens one session for each sink.
  std::vector<session_key> open_sessions() {
    std::vector<session_key> keys;
    for (auto& sink : sinks)
      keys.push_back(loop.open_session(sink));
    return keys;
  }
  /// Checks that the turns to come close each sink as one that was given up.
  void check_all_end() {
    while (loop.run_turn()) {}
    for (auto& sink : sinks)
      CHECK(sink.closed == protocol::errc::internal);
  }

  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  std::vector<test::fake_sink> sinks;
};

} // namespace

TEST_CASE(
  "sessions that are given up in one go all end, however many, also if one is given up twice") {
  loop_with_sinks l{200};
  auto keys = l.open_sessions();

  std::thread{[&] {
    for (auto who : keys)
      for (int twice = 0; twice < 2; ++twice)
        l.loop.give_up(who);
  }}.join();

  l.check_all_end();
}

TEST_CASE(
  "a session is given up also where the list is full of those that closed before its turn") {
  loop_with_sinks l{16};
  for (int round = 0; round < 8; ++round) {
    auto keys = l.open_sessions();
    for (auto who : keys)
      l.loop.give_up(who);
    if (round < 7)
      for (auto who : keys)
        l.loop.sessions().close(who);
  }

  l.check_all_end();
}

TEST_CASE("a deadline on the wheel wakes a loop that sleeps") {
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  struct alarm final : timer_wheel::entry {
    void on_deadline() override { rung.set_value(); }
    std::promise<void> rung;
  } bell;
  loop.post([&] { loop.arm(bell, 30ms); });
  std::thread runner{[&] { loop.run(); }};
  CHECK(bell.rung.get_future().wait_for(10s) == std::future_status::ready);
  loop.stop();
  runner.join();
}

TEST_CASE("a message from a turn of the same loop needs no post") {
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  player::record record;
  auto a = compat::spawn_on<player>(loop, record, player_actor{});
  auto b = compat::spawn_on<player>(loop, record, a);
  loop.run_turn(1);
  loop.run_turn(1);
  compat::anon_send(b, ball{100}); // this is one post
  loop.run_turn(1);

  while (loop.run_turn(0)) {}

  CHECK(record.over.get_future().wait_for(0s) == std::future_status::ready);
  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
  a = nullptr;
  b = nullptr;
  while (loop.run_turn() || loop.pinned_actors() > 0) {}
  CHECK(record.released == 2);
}

TEST_CASE("deferred work runs at the end of the turn after, and what it throws is counted") {
  struct work final : deferred_work {
    void run_deferred() override {
      ++runs;
      if (fails)
        throw std::runtime_error{"broken"};
    }
    int runs = 0;
    bool fails = false;
  };
  counted_loop c;
  auto good = std::make_shared<work>(), bad = std::make_shared<work>();
  bad->fails = true;
  c.loop.post([&] {
    c.loop.defer(bad);
    c.loop.defer(good);
  });
  CHECK(c.loop.run_turn());
  CHECK(good->runs == 0);
  c.loop.run_turn();
  CHECK(c.seen.errors == 1);
  CHECK(good->runs == 1);
  CHECK(bad->runs == 1);
  CHECK(good.use_count() == 1);
}

TEST_CASE("deferred work runs before the loop sleeps") {
  struct work final : deferred_work {
    explicit work(event_loop& l) : loop(l) {}
    void run_deferred() override { loop.stop(); }
    event_loop& loop;
  };
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  loop.post([&] { loop.defer(std::make_shared<work>(loop)); });
  loop.run(); // nothing else wakes it
  SUCCEED("it has ended");
}

TEST_CASE("a turn whose deferred work posts has left work") {
  struct work final : deferred_work {
    work(event_loop& l, int& n) : loop(l), runs(n) {}
    void run_deferred() override {
      loop.post([this] { ++runs; });
    }
    event_loop& loop;
    int& runs;
  };
  counted_loop c;
  int runs = 0;
  auto w = std::make_shared<work>(c.loop, runs);
  c.loop.post([&] { c.loop.defer(w); });

  while (c.loop.run_turn()) {}

  CHECK(runs == 1);
}

TEST_CASE("what deferred work says leaves in its turn, and before the loop sleeps") {
  struct work final : deferred_work {
    explicit work(int& s) : said(s) {}
    void run_deferred() override { ++said; }
    int& said;
  };
  int said = 0, sent = 0;
  counted_loop c;
  c.loop.post([&] { c.loop.defer(std::make_shared<work>(said)); });
  SECTION("in a turn") {
    c.loop.add_flusher([&] { return sent = said, false; });
    while (c.loop.run_turn()) {}
    CHECK(sent == 1);
  }
  SECTION("before it sleeps") {
    c.loop.add_flusher([&] {
      if (said > 0)
        c.loop.stop();
      return false;
    });
    c.loop.run(); // nothing else wakes it
    SUCCEED("it has ended");
  }
}

TEST_CASE("all that a handler does happens at one time, and the next has its own") {
  system_fixture f;
  caf::actor_system system{f.config};
  testing::manual_clock clock;
  loop_options options;
  options.clock = &clock;
  event_loop loop{system, 0, options};
  struct alarm final : timer_wheel::entry {
    void on_deadline() override { ++rung; }
    int rung = 0;
  } bell;
  std::vector<steady_time> seen;
  auto look_twice = [&] {
    seen.push_back(loop.now());
    clock.advance(1s);
    seen.push_back(loop.now());
  };
  auto start = clock.now();
  loop.add_flusher([&] {
    look_twice();
    return false;
  });
  loop.post(look_twice);
  loop.post([&] {
    look_twice();
    loop.arm(bell, 500ms); // counted from 1 s, while the clock shows 2 s
  });

  loop.run_turn();

  CHECK(seen == std::vector{start, start, start + 1s, start + 1s, start + 2s, start + 2s});
  loop.post([&] {
    look_twice();
    loop.time_has_passed();
    seen.push_back(loop.now());
  });
  loop.run_turn(1);
  CHECK(std::vector(seen.begin() + 6, seen.begin() + 9)
        == std::vector{start + 3s, start + 3s, start + 4s});
  CHECK(bell.rung == 1);
  auto at = clock.now();
  clock.advance(1s);
  CHECK(loop.now() == at + 1s);
}

TEST_CASE("the time that passes while a loop sleeps is not lost on who wakes it") {
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  struct alarm final : timer_wheel::entry {
    void on_deadline() override {}
  } bell;
  loop.post([&] { loop.arm(bell, 1h); }); // the loop looks at the clock before it sleeps
  std::thread runner{[&] { loop.run(); }};
  for (int i = 0; i < 5; ++i) {
    std::promise<steady_time> seen;
    test::await_sleep(loop);
    auto posted = std::chrono::steady_clock::now();
    loop.post([&] { seen.set_value(loop.now()); });
    CHECK(seen.get_future().get() >= posted);
  }
  loop.stop();
  runner.join();
}

// -- how long turns take --------------------------------------------------------------------------

namespace {

/// A loop with the test's clock.
struct timed_loop {
  loop_options options() {
    loop_options o;
    o.clock = &clock;
    return o;
  }
  [[nodiscard]] time_counts times() const {
    time_counts all;
    loop.turn_times().add_to(all);
    return all;
  }
  testing::manual_clock clock;
  system_fixture f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0, options()};
};

} // namespace

TEST_CASE("a turn's time is that of its handlers and its flush, not of what lies between turns") {
  timed_loop t;
  t.loop.add_flusher([&] {
    t.clock.advance(1ms);
    return false;
  });
  auto work = [&] {
    (void)t.loop.now();
    t.clock.advance(10ms);
  };

  t.loop.post(work);
  t.loop.post(work);
  while (t.loop.run_turn()) {}
  t.clock.advance(1h);
  t.loop.post(work);
  while (t.loop.run_turn()) {}

  CHECK(t.times().count() == 2);
  CHECK(t.times().sum == 32ms);
}

TEST_CASE("after a flush the next time that is read is told") {
  timed_loop t;
  std::vector<steady_time> told;
  t.loop.add_flusher([&] {
    (void)t.loop.now();
    t.clock.advance(3ms);
    return false;
  });
  t.loop.set_after_flush([&](steady_time now) { told.push_back(now); });
  auto start = t.clock.now();

  t.loop.post([] {});
  t.loop.run_turn();
  CHECK(told.empty());
  t.loop.run_turn();

  CHECK(told == std::vector{start + 3ms});
}
