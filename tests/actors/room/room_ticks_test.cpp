#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::ref;
using stage = troupe::test::room_stage;

namespace {

/// Writes down what happens to it.
struct diary final : room_behavior {
  bool on_publish(room_context&, const member& from, const application_message&) override {
    lines.push_back("chat of " + from.user_id);
    return true;
  }
  void on_message(room_context& room, const member& from, const application_message& m) override {
    lines.push_back(std::string{m.type} + " of " + from.user_id);
    if (m.type == "kick")
      room.kick(stage::key(2));
    else if (m.type == "end")
      room.end();
    else if (m.type == "no")
      room.refuse(protocol::errc::forbidden);
    else if (m.type == "boom")
      throw std::runtime_error{"boom"};
    else if (m.type == "say")
      room.broadcast("said", {});
  }
  void on_tick(room_context& room, const tick_info& t) override {
    CHECK(room.steady_now() - t.due == t.late);
    ticks.push_back(t);
    lines.push_back("tick " + std::to_string(t.number));
    room.broadcast("state", {{"n", static_cast<std::int64_t>(t.number)}});
  }
  void on_drop(room_context&, const member& m) override { lines.push_back("drop " + m.user_id); }
  void on_return(room_context&, const member& m, const member&) override {
    lines.push_back("return " + m.user_id);
  }
  void on_leave(room_context&, const member& m, leave_reason) override {
    lines.push_back("leave " + m.user_id);
  }
  std::vector<std::string> lines;
  std::vector<tick_info> ticks;
};

/// A room with two members that ticks ten times a second when the test says so.
struct ticking_room {
  explicit ticking_room(tick_options o = {}, room_core::config c = {})
    : s{[this] {
          auto b = std::make_unique<diary>();
          behavior = b.get();
          return b;
        }(),
        10, with(o, std::move(c))} {
    s.core->start_ticks(s.out.time);
    s.join(1);
    s.join(2);
    s.out.lines.clear();
  }
  room_core::config with(tick_options o, room_core::config c) {
    o.rate = 10;
    c.tick = o;
    c.counts = &counts;
    return c;
  }

  void say(std::uint32_t who, const std::string& type, open_ref_ptr r = nullptr,
           credit token = {}) {
    auto in = s.input(who, type, R"({"type":")" + type + "\"}");
    in.ref = std::move(r);
    in.token = std::move(token);
    s.core->input(in);
  }
  /// Ticks after that time.
  void tick(std::chrono::nanoseconds after = 100ms) {
    s.out.time += after;
    s.core->tick();
  }
  std::vector<std::string> take() { return std::exchange(behavior->lines, {}); }

  loop_counts counts;
  diary* behavior = nullptr;
  stage s;
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("members' messages wait for the tick and come together, in order, before it") {
  ticking_room r;
  r.say(1, "a");
  r.say(2, "b");
  r.say(1, "c");
  CHECK(r.take().empty());
  CHECK(r.s.out.lines.empty());

  r.tick();
  CHECK(r.take() == lines{"a of u1", "b of u2", "c of u1", "tick 1"});
  r.tick();
  CHECK(r.take() == lines{"tick 2"});
}

// Pins §10.61.
TEST_CASE("what goes to other hooks than on_message does not wait for the tick") {
  ticking_room r;
  r.say(1, "a");
  r.say(1, "message");
  CHECK(r.take() == lines{"chat of u1"});
  r.tick();
  CHECK(r.take() == lines{"a of u1", "tick 1"});
}

TEST_CASE("a type that only servers send is answered at once, and so is who is no member") {
  ticking_room r;
  r.say(1, "joined", ref("7"));
  CHECK(r.s.out.said("unknown_type"));
  r.s.leave(2);
  r.say(2, "a", ref("8"));
  CHECK(r.s.out.said("not_joined"));
  r.take();
  r.tick();
  CHECK(r.take() == lines{"tick 1"});
}

// Pins §10.60.
TEST_CASE("a message of a room that ticks is acked once it was handled, in the order of the room") {
  ticking_room r;
  auto done = ref("1"), refused = ref("2");
  r.say(1, "say", done);
  r.say(1, "no", refused);
  CHECK_FALSE(done->answered);
  r.tick();

  CHECK(done->answered);
  CHECK(refused->answered);
  auto& out = r.s.out;
  CHECK(out.at("\"said\"") < out.at(R"({"type":"ack","ref":1)"));
  CHECK(out.at(R"({"type":"ack","ref":1)") < out.at("forbidden"));
  CHECK(out.at("forbidden") < out.at("\"state\""));
  CHECK(out.at("\"state\"") < out.lines.size());
}

// Pins §16.100.
TEST_CASE("what is beyond the room's queue is refused at once, and answered") {
  tick_options o;
  o.max_inputs_per_member = 2;
  o.max_inputs = 3;
  ticking_room r{o};
  r.say(1, "a");
  r.say(1, "b");
  r.say(1, "c", ref("1"));
  CHECK(r.s.out.said(R"("code":"rate_limited")"));
  r.say(2, "d");
  r.s.out.lines.clear();
  r.say(2, "e", ref("2"));
  CHECK(r.s.out.said(R"("ref":2)"));
  CHECK(r.s.out.said(R"("code":"overloaded")"));

  r.tick();
  CHECK(r.take() == lines{"a of u1", "b of u1", "d of u2", "tick 1"});
  r.say(1, "f");
  r.tick();
  CHECK(r.take() == lines{"f of u1", "tick 2"});
}

TEST_CASE("what waits for a tick gives its sender's credit back, and the room pays for the tick") {
  ticking_room r;
  auto account = std::make_shared<credit_account>(credit_limits{});
  r.say(1, "say", nullptr, account->take(50));
  CHECK(account->held_bytes() == 0);
  r.tick();
  CHECK(r.s.out.last_own);
  CHECK_FALSE(r.s.out.last_source);
}

TEST_CASE("a tick says its number, its time, its step and how late it is") {
  ticking_room r;
  r.tick();
  r.tick(115ms);
  auto& ticks = r.behavior->ticks;
  REQUIRE(ticks.size() == 2);
  CHECK(ticks[0].number == 1);
  CHECK(ticks[0].due == steady_time{} + 100ms);
  CHECK(ticks[0].step == 100ms);
  CHECK(ticks[0].late == 0ns);
  CHECK(ticks[1].number == 2);
  CHECK(ticks[1].due == steady_time{} + 200ms);
  CHECK(ticks[1].late == 15ms);
  CHECK(r.s.core->next_tick() == steady_time{} + 300ms);
}

TEST_CASE("a tick that is not due yet does not run, and nothing is handed over") {
  ticking_room r;
  r.say(1, "a");
  r.tick(99ms);
  CHECK(r.take().empty());
}

TEST_CASE("missed ticks are skipped and counted, and the times of the others stay") {
  ticking_room r;
  r.say(1, "a");
  r.tick(450ms);
  CHECK(r.take() == lines{"a of u1", "tick 4"});
  CHECK(r.behavior->ticks.back().skipped == 3);
  CHECK(r.behavior->ticks.back().late == 50ms);
  r.tick(50ms);
  CHECK(r.take() == lines{"tick 5"});
  CHECK(r.counts.ticks.load() == 2);
  CHECK(r.counts.skipped_ticks.load() == 3);
}

TEST_CASE("missed ticks are caught up, as many as the bound says, and the others counted") {
  tick_options o;
  o.overrun = overrun_policy::catch_up;
  o.most_caught_up = 2;
  ticking_room r{o};
  r.say(1, "a");
  r.tick(650ms);
  CHECK(r.take() == lines{"a of u1", "tick 4", "tick 5", "tick 6"});
  CHECK(r.behavior->ticks.front().skipped == 3);
  CHECK(r.behavior->ticks.back().skipped == 0);
  CHECK(r.counts.ticks.load() == 3);
  CHECK(r.counts.skipped_ticks.load() == 3);
}

TEST_CASE("ticks that take longer than their period do not keep the loop for ever") {
  tick_options o;
  o.overrun = overrun_policy::catch_up;
  o.most_caught_up = 2;
  ticking_room r{o};
  r.s.out.passes = 150ms;
  r.tick(100ms);
  CHECK(r.behavior->ticks.size() == 3); // as more became due meanwhile
  r.s.core->tick();
  CHECK(r.behavior->ticks.size() == 6);

  time_counts took;
  r.counts.tick_times.add_to(took);
  CHECK(took.count() == 6);
  CHECK(took.sum == 6 * 150ms);
}

TEST_CASE("what has waited of a member is handed over before it leaves, whatever the reason") {
  for (auto why : {leave_reason::left, leave_reason::disconnected, leave_reason::forbidden}) {
    ticking_room r;
    r.say(1, "a");
    r.say(2, "b");
    r.s.leave(1, why);
    CHECK(r.take() == lines{"a of u1", "leave u1"});
    r.tick();
    CHECK(r.take() == lines{"b of u2", "tick 1"});
  }
}

TEST_CASE("what has waited of a member is handed over before its seat is kept") {
  room_core::config c;
  c.keep_seat = 10s;
  c.resume_window = 10s;
  ticking_room r{{}, std::move(c)};
  r.say(1, "a");
  r.s.core->leave({r.s.key(1), leave_reason::disconnected, false, nullptr, {}, true});
  CHECK(r.take() == lines{"a of u1", "drop u1"});
}

TEST_CASE("what has waited of a member is handed over before its client is back") {
  ticking_room r;
  r.say(1, "a");
  r.say(2, "b");
  join_request back;
  back.who = stage::key(3);
  back.client = stage::client(1);
  back.user_id = "u1";
  back.encoding = protocol::encoding::v1_json;
  back.resumed = true;
  back.replaced = stage::key(1);
  auto since = std::make_shared<replay_start>();
  since->epoch = "e1";
  back.since = since;
  CHECK(r.s.core->join(back).code == protocol::errc::ok);
  CHECK(r.take() == lines{"a of u1", "return u1"});
  r.tick();
  CHECK(r.take() == lines{"b of u2", "tick 1"});
}

TEST_CASE("a client that what has waited of it has had kicked does not come back") {
  ticking_room r;
  r.s.leave(1);
  r.say(2, "kick");
  join_request back;
  back.who = stage::key(3);
  back.user_id = "u2";
  back.encoding = protocol::encoding::v1_json;
  back.resumed = back.must_replace = true;
  back.replaced = stage::key(2);
  back.since = std::make_shared<replay_start>();
  r.s.out.lines.clear();

  CHECK(r.s.core->join(back).code == protocol::errc::not_joined);

  CHECK(r.take() == lines{"leave u1", "kick of u2", "leave u2"});
  CHECK(r.s.out.lines.back() == "empty");
}

TEST_CASE("what has waited of a member is handed over before it is said that all is handled") {
  ticking_room r;
  r.say(1, "a");
  r.say(2, "b");
  r.s.core->finish_inputs(stage::key(1));
  CHECK(r.take() == lines{"a of u1"});
  r.s.core->finish_inputs(stage::key(9)); // nobody
  CHECK(r.take().empty());
}

TEST_CASE("what waits of a member that is kicked is dropped, in the tick and before it") {
  ticking_room r;
  r.say(1, "kick");
  r.say(2, "a");
  r.tick();
  CHECK(r.take() == lines{"kick of u1", "leave u2", "tick 1"});

  r.s.join(2);
  r.say(1, "b");
  r.say(2, "c");
  r.say(1, "kick");
  r.s.leave(1); // which hands over, and so kicks
  CHECK(r.take() == lines{"b of u1", "kick of u1", "leave u2", "leave u1"});
  r.s.join(2);
  r.tick();
  CHECK(r.take() == lines{"tick 2"});
}

TEST_CASE("a room that ends in a tick hands over no more and does not tick") {
  ticking_room r;
  auto left = ref("1");
  r.say(1, "end");
  r.say(1, "a", left);
  r.tick();
  CHECK(r.take() == lines{"end of u1"});
  CHECK_FALSE(left->answered); // its connection answers
  r.tick();
  CHECK(r.take().empty());
}

TEST_CASE("a leave that ends the room by what it hands over stays unhandled") {
  ticking_room r;
  r.say(1, "end");
  r.s.leave(1);
  CHECK(r.take() == lines{"end of u1"});
  r.s.core->close(room_end::ended);
  auto left = r.take();
  std::sort(left.begin(), left.end());
  CHECK(left == lines{"leave u1", "leave u2"});
}

TEST_CASE("an exception in a tick goes the way of every hook, and the rest is not handed over") {
  ticking_room r;
  r.say(1, "boom");
  r.say(2, "a");
  CHECK_THROWS_WITH(r.tick(), "boom");
  r.s.core->crash();
  CHECK(r.take().front() == "boom of u1");
  CHECK(r.take().empty());
}

TEST_CASE("an empty room ticks on") {
  ticking_room r;
  r.s.leave(1);
  r.s.leave(2);
  r.take();
  r.tick();
  CHECK(r.take() == lines{"tick 1"});
}
