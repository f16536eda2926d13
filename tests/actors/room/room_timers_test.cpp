#include "room/room_timers.hpp"

#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using stage = troupe::test::room_stage;

namespace {

/// Does in `on_message` and `on_leave` what the test says.
struct scripted final : room_behavior {
  using step = std::function<void(room_context&)>;
  void on_message(room_context& room, const member&, const application_message&) override {
    on_say(room);
  }
  void on_leave(room_context& room, const member&, leave_reason) override { on_gone(room); }
  step on_say = [](room_context&) {};
  step on_gone = [](room_context&) {};
};

/// A room whose timers run at their times as `pass` lets time pass.
struct timed_room {
  explicit timed_room(room_core::config c = {})
    : s{[this] {
          auto b = std::make_unique<scripted>();
          behavior = b.get();
          return b;
        }(),
        10, std::move(c)} {
    s.join(1);
  }

  /// Runs `step` as a hook.
  void run(scripted::step step) {
    behavior->on_say = std::move(step);
    s.core->input(s.input(1, "x", R"({"type":"x"})"));
  }
  void pass(std::chrono::nanoseconds time) {
    auto end = s.out.time + time;
    while (!s.out.timers_due.empty() && s.out.timers_due.back() <= end) {
      s.out.time = std::max(s.out.time, s.out.timers_due.back());
      s.out.timers_due.clear();
      s.core->run_timers();
    }
    s.out.time = end;
  }
  /// A handler that notes when it has run.
  timer_handler note(std::string name) {
    return [this, name = std::move(name)](room_context& room) {
      CHECK(room.steady_now() == s.out.time);
      ran.push_back(name + " " + std::to_string((s.out.time - steady_time{}) / 1ms));
    };
  }

  scripted* behavior = nullptr;
  stage s;
  std::vector<std::string> ran;
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("a timer runs once after its delay, one of every at each period, in the order of time") {
  timed_room r;
  r.run([&](room_context& room) {
    room.after(25ms, r.note("once"));
    room.every(10ms, r.note("each"));
    room.after(20ms, r.note("same"));
  });

  r.pass(9'999'999ns);
  CHECK(r.ran.empty());
  r.pass(30'000'001ns);

  CHECK(r.ran == lines{"each 10", "each 20", "same 20", "once 25", "each 30", "each 40"});
}

TEST_CASE("a timer that is late does not drift, and what it has missed is left out") {
  timed_room r;
  r.run([&](room_context& room) { room.every(10ms, r.note("each")); });

  r.s.out.time += 37ms;
  r.s.core->run_timers();
  CHECK(r.ran == lines{"each 37"});
  r.pass(13ms);

  CHECK(r.ran == lines{"each 37", "each 40", "each 50"});
}

TEST_CASE("a timer that was cancelled does not run, and the room says whether it would have") {
  timed_room r;
  room_timer once, each;
  r.run([&](room_context& room) {
    once = room.after(5ms, r.note("once"));
    each = room.every(5ms, r.note("each"));
    auto gone = room.after(5ms, r.note("gone"));
    CHECK(room.cancel(gone));
    CHECK_FALSE(room.cancel(gone));
    CHECK_FALSE(room.cancel({}));
    CHECK_FALSE(room.cancel({1000}));
  });
  r.pass(10ms);
  r.run([&](room_context& room) {
    CHECK_FALSE(room.cancel(once)); // it has run
    CHECK(room.cancel(each));
    CHECK_FALSE(room.cancel(each));
  });
  r.pass(1s);

  CHECK(r.ran == lines{"once 5", "each 5", "each 10"});
}

TEST_CASE("a timer may cancel itself and others from within, and is alive until it returns") {
  timed_room r;
  int runs = 0;
  auto token = std::make_shared<int>(7);
  std::weak_ptr<int> held = token;
  r.run([&](room_context& room) {
    auto me = std::make_shared<room_timer>();
    auto other = room.every(10ms, r.note("other"));
    *me = room.every(5ms, [&runs, me, other, token](room_context& inside) {
      if (++runs < 3)
        return;
      CHECK(inside.cancel(other));
      CHECK(inside.cancel(*me));
      CHECK_FALSE(inside.cancel(*me));
      CHECK(*token == 7); // it still holds this
    });
  });
  token.reset();
  r.pass(1s);

  CHECK(runs == 3);
  CHECK(held.expired());
  CHECK(r.ran == lines{"other 10"});
}

TEST_CASE("a timer that runs once cannot be cancelled from within") {
  timed_room r;
  r.run([&](room_context& room) {
    auto me = std::make_shared<room_timer>();
    *me = room.after(1ms, [&r, me](room_context& inside) {
      CHECK_FALSE(inside.cancel(*me));
      r.ran.push_back("ran");
    });
  });
  r.pass(10ms);
  CHECK(r.ran == lines{"ran"});
}

TEST_CASE(
  "what a timer starts without a delay runs in a later turn, so that nobody waits for ever") {
  timed_room r;
  int runs = 0;
  std::function<void(room_context&)> again = [&](room_context& room) {
    ++runs;
    room.after(0ns, again);
  };
  r.run([&](room_context& room) { room.after(0ns, again); });

  r.s.core->run_timers();
  CHECK(runs == 1);
  CHECK(r.s.out.timers_due.back() == r.s.out.time);
  r.s.core->run_timers();
  CHECK(runs == 2);
}

TEST_CASE("a room has a bounded number of timers, and those that have run count no more") {
  room_core::config c;
  c.limits.max_timers = 3;
  timed_room r{std::move(c)};
  r.run([&](room_context& room) {
    room.after(1ms, r.note("a"));
    room.after(1ms, r.note("b"));
    room.every(1ms, [&](room_context& inside) {
      inside.after(1h, [](auto&) {});
      inside.after(1h, [](auto&) {});
      CHECK_THROWS_AS(inside.after(1h, [](auto&) {}), std::length_error); // this one counts, too
    });
    CHECK_THROWS_AS(room.every(1ms, r.note("d")), std::length_error);
  });
  r.pass(1ms);
  CHECK(r.ran == lines{"a 1", "b 1"});
}

TEST_CASE("a timer that cannot be is refused with a sentence") {
  timed_room r;
  r.run([&](room_context& room) {
    CHECK_THROWS_WITH(room.every(999'999ns, r.note("x")),
                      "every: the period is 999999 ns: expected 1000000 to 31536000000000000");
    CHECK_THROWS_WITH(room.after(-1ns, r.note("x")),
                      "after: the delay is -1 ns: expected 0 to 31536000000000000");
    CHECK_THROWS_AS(room.after(24h * 366, r.note("x")), std::invalid_argument);
    CHECK_THROWS_WITH(room.every(1s, {}), "every: the handler is empty");
    CHECK_THROWS_WITH(room.after(1s, nullptr), "after: the handler is empty");
  });
  r.pass(10s);
  CHECK(r.ran.empty());
}

TEST_CASE("what a timer says is the room's own output, and refuse does nothing in it") {
  timed_room r;
  r.run([&](room_context& room) {
    room.after(1ms, [](room_context& inside) {
      inside.refuse(protocol::errc::forbidden);
      inside.broadcast("bell", {{"n", 1}});
    });
  });
  r.pass(1ms);
  CHECK(r.s.out.said(R"("type":"bell")"));
  CHECK_FALSE(r.s.out.said("forbidden"));
  CHECK(r.s.out.last_own);
}

TEST_CASE("timers end with their room: none runs once its end is decided") {
  timed_room r;
  r.run([&](room_context& room) {
    room.every(1ms, r.note("each"));
    room.after(1ms, [](room_context& inside) { inside.end(); });
    room.after(1ms, r.note("behind"));
  });
  r.pass(10ms);
  CHECK(r.ran == lines{"each 1"});

  bool was_told = false;
  r.behavior->on_gone = [&](room_context& room) {
    was_told = true;
    CHECK_FALSE(room.every(1s, [](auto&) {}));
    CHECK_FALSE(room.after(1s, [](auto&) {}));
  };
  r.s.core->close(room_end::ended);
  CHECK(was_told);
  r.s.core->run_timers();
  CHECK(r.ran == lines{"each 1"});
}

TEST_CASE("what a timer holds is released with the room, and may use the room once more") {
  struct last_word {
    ~last_word() {
      said = true;
      CHECK(room->member_count() == 0);
      room->broadcast("bye", {});
      CHECK_FALSE(room->cancel(timer));
      room->end();
    }
    room_context* room;
    bool& said;
    room_timer timer{};
  };
  bool said = false;
  {
    timed_room r;
    r.run([&](room_context& room) {
      auto word = std::shared_ptr<last_word>{new last_word{&room, said}};
      word->timer = room.after(1h, [word](room_context&) {});
    });
    r.s.core->close(room_end::ended);
    CHECK_FALSE(said);
  }
  CHECK(said);
}

TEST_CASE("a timer that throws goes the way of every hook") {
  timed_room r;
  r.run([](room_context& room) {
    room.after(1ms, [](room_context&) { throw std::runtime_error{"boom"}; });
  });
  r.s.out.time += 1ms;
  CHECK_THROWS_WITH(r.s.core->run_timers(), "boom");
  CHECK(std::string{r.s.core->hook()} == "a timer's handler");
  r.s.core->crash();
}
