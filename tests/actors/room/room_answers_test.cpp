// What a room has answered later: joins, and what its members say.
#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using protocol::errc;
using troupe::test::encoding;
using troupe::test::ref;
using stage = troupe::test::room_stage;
using names = std::vector<std::string>;

namespace {

/// What has been put off, and what the hooks have noted.
struct desk {
  std::map<std::string, join_promise> joins; ///< by user
  std::vector<reply_promise> replies;
  std::function<void(room_context&, const member&)> task;
  bool decides_later = true;
  names said;
};

struct clerk final : room_behavior {
  explicit clerk(desk& d) : desk_(d) {}
  join_decision authorize_join(room_context&, const member& m) override {
    desk_.said.push_back("asks " + m.user_id + (m.returning ? " again" : ""));
    if (!desk_.decides_later)
      return join_decision::accept();
    return join_decision::later(desk_.joins[m.user_id] = join_promise{});
  }
  void on_join(room_context& room, const member& m) override {
    desk_.said.push_back("joins " + m.user_id);
    if (m.user_id == "kicked")
      room.kick(m.key);
    if (m.user_id == "throws")
      throw std::runtime_error{"no"};
  }
  void on_return(room_context&, const member& m, const member&) override {
    desk_.said.push_back("returns " + m.user_id);
  }
  void on_leave(room_context&, const member& m, leave_reason) override {
    desk_.said.push_back("leaves " + m.user_id);
  }
  void on_message(room_context& room, const member& from, const application_message&) override {
    if (desk_.task)
      return desk_.task(room, from);
    desk_.replies.push_back(room.reply_later());
  }
  desk& desk_;
};

/// A room whose behaviour puts everything off.
struct slow_room {
  explicit slow_room(room_core::config c = {}, std::size_t most = 10)
    : s{std::make_unique<clerk>(d), most, std::move(c)} {}

  /// Joins at once.
  void enter(std::uint32_t who) {
    d.decides_later = false;
    CHECK(s.join(who).room);
    d.decides_later = true;
    d.said.clear();
    s.out.lines.clear();
  }
  void say(std::uint32_t who, std::string value, credit token = {}) {
    auto in = s.input(who, "do", R"({"type":"do"})");
    in.ref = ref(std::move(value));
    in.token = std::move(token);
    refs.push_back(in.ref);
    s.core->input(in);
  }
  void take() { s.core->take_answers(); }
  void pass(std::chrono::milliseconds time) {
    s.out.time += time;
    take();
  }
  [[nodiscard]] bool said(std::string_view text) const { return s.out.said(text); }

  desk d;
  stage s;
  std::vector<open_ref_ptr> refs;
};

room_core::config with_most(std::size_t answers) {
  room_core::config c;
  c.limits.max_late_answers = answers;
  return c;
}

} // namespace

// -- joins ----------------------------------------------------------------------------------------

TEST_CASE("a join that is decided later leaves the room as it was until then") {
  slow_room r;
  r.enter(1);

  auto reply = r.s.join(2);
  CHECK(reply.is_put_off);
  CHECK_FALSE(reply.room);
  CHECK(r.d.said == names{"asks u2"});
  CHECK(r.s.out.answers_due.back() == steady_time{} + 5s);
  r.s.core->input(r.s.input(1, "message", R"({"type":"message","text":"hi"})"));
  CHECK(r.said(R"("text":"hi")"));
  CHECK_FALSE(r.said("userJoined"));

  r.d.joins.at("u2").accept();
  CHECK(r.s.out.decided.empty()); // the room is told by its inbox
  r.take();
  CHECK(r.d.said == names{"asks u2", "joins u2"});
  REQUIRE(r.s.out.decided.size() == 1);
  CHECK(r.s.out.decided[0].room);
  auto& o = r.s.out;
  CHECK(o.at("userJoined") < o.at("subscribe 2"));
  CHECK(o.at("subscribe 2") < o.at("decided 2 ok"));
}

TEST_CASE("a refusal that comes later is told, in its own words") {
  slow_room r;
  r.enter(1);
  (void)r.s.join(2);

  r.d.joins.at("u2").refuse(errc::room_full, "not today");
  r.take();
  REQUIRE(r.s.out.decided.size() == 1);
  CHECK(r.s.out.decided[0].code == errc::room_full);
  CHECK(r.s.out.decided[0].detail == "not today");
  CHECK(r.s.out.lines == names{"decided 2 room_full"});
}

TEST_CASE("a decision that does not come in time is a refusal, and what comes then is void") {
  slow_room r;
  r.enter(1);
  (void)r.s.join(2);

  r.pass(4999ms);
  CHECK(r.s.out.decided.empty());
  CHECK(r.d.joins.at("u2").is_awaited());
  r.pass(1ms);
  CHECK(r.s.out.lines == names{"decided 2 timed_out"});
  CHECK_FALSE(r.d.joins.at("u2").is_awaited());
  r.d.joins.at("u2").accept();
  r.pass(10s);
  CHECK(r.s.out.decided.size() == 1);
  CHECK(r.d.said == names{"asks u2"});
}

TEST_CASE("a promise that is dropped refuses at once") {
  slow_room r;
  r.enter(1);
  (void)r.s.join(2);

  r.d.joins.clear();
  r.take();
  CHECK(r.s.out.lines == names{"decided 2 internal"});
}

TEST_CASE("what is decided within the hook takes effect after it") {
  struct at_once final : room_behavior {
    join_decision authorize_join(room_context& room, const member&) override {
      join_promise p;
      p.accept();
      auto d = join_decision::later(std::move(p));
      CHECK(room.member_count() == 0);
      return d;
    }
  };
  stage s{std::make_unique<at_once>()};

  CHECK(s.join(1).is_put_off);
  s.core->take_answers();
  REQUIRE(s.out.decided.size() == 1);
  CHECK(s.out.decided[0].room);
}

TEST_CASE("joins are decided in the order of their decisions") {
  slow_room r;
  for (std::uint32_t who = 1; who <= 3; ++who)
    (void)r.s.join(who);

  r.d.joins.at("u3").accept();
  r.d.joins.at("u1").accept();
  r.take();
  r.d.joins.at("u2").accept();
  r.take();
  CHECK(r.d.said == names{"asks u1", "asks u2", "asks u3", "joins u3", "joins u1", "joins u2"});
}

TEST_CASE("a join that waits takes no place, and finds the room full if others were quicker") {
  slow_room r{{}, 2};
  r.enter(1);
  (void)r.s.join(2);
  (void)r.s.join(3);

  r.d.joins.at("u3").accept();
  r.take();
  CHECK(r.s.out.decided.back().room);
  r.d.joins.at("u2").accept();
  r.take();
  CHECK(r.s.out.decided.back().code == errc::room_full);
  CHECK(r.d.said == names{"asks u2", "asks u3", "joins u3"});

  (void)r.s.join(4); // a full room asks, too: its behaviour may let it in instead of another
  r.d.joins.at("u4").accept();
  r.take();
  CHECK(r.s.out.decided.back().code == errc::room_full);
}

TEST_CASE("beyond its bound a room refuses what would wait, and that promise is void") {
  slow_room r{with_most(2)};
  r.enter(1);
  (void)r.s.join(2);
  r.say(1, "5");

  CHECK(r.s.join(3).code == errc::overloaded);
  CHECK_FALSE(r.d.joins.at("u3").is_awaited());
  r.say(1, "6");
  CHECK(r.said(R"("ref":6,"request":"do","roomId":"hall","code":"overloaded")"));
  CHECK_FALSE(r.d.replies.back().is_awaited());

  r.d.joins.at("u2").accept();
  r.take();
  CHECK(r.s.join(3).is_put_off);
}

TEST_CASE("a bound and a time of 0 are none") {
  auto c = with_most(0);
  c.limits.answer_deadline = 0ms;
  slow_room r{c, 5000};
  for (std::uint32_t who = 1; who <= 1500; ++who)
    CHECK(r.s.join(who).is_put_off);
  r.pass(24h);
  CHECK(r.s.out.decided.empty());
  CHECK(r.s.out.answers_due.empty());

  for (auto& [user, promise] : r.d.joins)
    promise.accept();
  for (int turns = 0; r.s.out.decided.size() < 1500; ++turns) {
    REQUIRE(turns < 6); // 256 at once
    r.take();
  }
  CHECK(r.s.out.answers_due.size() == 5); // it has asked to go on
}

TEST_CASE("a client that takes its join back before the decision never joins") {
  slow_room r;
  r.enter(1);
  (void)r.s.join(2);

  r.s.leave(2, leave_reason::disconnected);
  CHECK_FALSE(r.d.joins.at("u2").is_awaited());
  r.d.joins.at("u2").accept();
  r.take();
  CHECK(r.s.out.decided.empty());
  CHECK(r.d.said == names{"asks u2"});
}

TEST_CASE("a room with a join that waits is not empty, and says so once that is refused") {
  slow_room r;
  r.enter(1);
  (void)r.s.join(2);
  r.s.leave(1);
  CHECK_FALSE(r.said("empty"));

  r.d.joins.at("u2").refuse("no");
  r.take();
  CHECK(r.said("empty"));

  slow_room other;
  (void)other.s.join(2);
  CHECK_FALSE(other.said("empty"));
  other.s.leave(2);
  CHECK(other.said("empty"));
}

TEST_CASE("who is thrown out as it is let in was let in") {
  slow_room r;
  r.enter(1);
  (void)r.s.enter(2, "kicked");
  r.d.joins.at("kicked").accept();
  r.take();
  REQUIRE(r.s.out.decided.size() == 1);
  CHECK(r.s.out.decided[0].code == errc::ok);
  CHECK_FALSE(r.s.out.decided[0].room);
  CHECK(r.d.said == names{"asks kicked", "joins kicked", "leaves kicked"});
}

TEST_CASE("whose only member is thrown out as it is let in, that room says once that it is empty") {
  slow_room r;
  (void)r.s.enter(2, "kicked");
  r.d.joins.at("kicked").accept();
  r.take();

  auto& o = r.s.out;
  CHECK(std::count(o.lines.begin(), o.lines.end(), "empty") == 1);
  CHECK(o.at("decided 2 ok") < o.at("empty"));
}

TEST_CASE("a seat whose time ends before the decision is taken by nobody") {
  for (auto is_there : {true, false}) {
    room_core::config c;
    c.resume_window = c.keep_seat = 10s;
    slow_room r{c};
    r.enter(1);
    r.enter(9);
    r.s.core->leave({stage::key(1), leave_reason::disconnected, false, nullptr, {}, true});
    r.s.out.time += 7s;
    join_request back;
    back.who = stage::key(2);
    back.user_id = "u1";
    back.encoding = encoding::v1_json;
    back.since = std::make_shared<replay_start>();
    back.resumed = true;
    back.replaced = stage::key(1);
    CHECK(r.s.core->join(back).is_put_off);

    r.s.out.time += is_there ? 1s : 4s;
    r.s.core->end_seats();
    r.d.joins.at("u1").accept();
    r.take();
    REQUIRE(r.s.out.decided.size() == 1);
    CHECK(r.s.out.decided[0].code == (is_there ? errc::ok : errc::not_joined));
    CHECK(
      r.d.said
      == (is_there ? names{"asks u1 again", "returns u1"} : names{"asks u1 again", "leaves u1"}));
  }
}

TEST_CASE("who is kicked before the decision about its return has no place to come back to") {
  room_core::config c;
  c.resume_window = c.keep_seat = 10s;
  slow_room r{c};
  r.enter(1);
  r.enter(9);
  r.s.core->leave({stage::key(1), leave_reason::disconnected, false, nullptr, {}, true});
  join_request back;
  back.who = stage::key(2);
  back.user_id = "u1";
  back.encoding = encoding::v1_json;
  back.since = std::make_shared<replay_start>();
  back.resumed = true;
  back.replaced = stage::key(1);
  CHECK(r.s.core->join(back).is_put_off);

  r.d.task = [&](room_context& room, const member&) {
    room.kick(stage::key(2)); // no member: nothing happens
    room.kick(stage::key(1));
  };
  r.say(9, "1");
  r.d.joins.at("u1").accept();
  r.take();
  CHECK(r.s.out.decided.back().code == errc::not_joined);
}

TEST_CASE("a promise that stands for two joins crashes the room, with a sentence") {
  struct twice final : room_behavior {
    join_decision authorize_join(room_context&, const member&) override {
      return join_decision::later(one);
    }
    join_promise one;
  };
  stage s{std::make_unique<twice>()};
  CHECK(s.join(1).is_put_off);
  CHECK_THROWS_WITH(s.join(2), Catch::Contains("stands for another join"));
  s.core->crash();
  auto join = s.core->take_put_off();
  REQUIRE(join);
  CHECK(join->who == stage::key(1));
  CHECK_FALSE(s.core->take_put_off());
}

TEST_CASE(
  "a room that ends gives back the joins that wait, the last one first, and hears no more") {
  slow_room r;
  r.enter(1);
  (void)r.s.join(2);
  (void)r.s.join(3);
  r.say(1, "5");
  r.s.core->close(room_end::ended);
  CHECK(r.s.core->take_put_off()->who == stage::key(3));
  CHECK(r.s.core->take_put_off()->who == stage::key(2));
  CHECK_FALSE(r.s.core->take_put_off());
  CHECK_FALSE(r.s.core->take_half_decided());

  CHECK_FALSE(r.d.joins.at("u2").is_awaited());
  r.d.replies[0].ack();
  r.pass(10s);
  CHECK(r.s.out.decided.empty());
  CHECK_FALSE(r.refs[0]->answered); // its connection answers
}

TEST_CASE("the join over which a room crashes is told from those that were not decided") {
  slow_room r;
  (void)r.s.enter(1, "throws");
  (void)r.s.join(2);
  r.d.joins.at("throws").accept();
  CHECK_THROWS(r.take());
  CHECK(std::string_view{r.s.core->hook()} == "on_join");
  r.s.core->crash();
  CHECK(r.s.core->take_put_off()->who == stage::key(2));
  CHECK_FALSE(r.s.core->take_put_off());
  CHECK(r.s.core->take_half_decided()->who == stage::key(1));
  CHECK_FALSE(r.s.core->take_half_decided());
}

TEST_CASE("promises outlive their room") {
  std::optional<slow_room> r{std::in_place};
  r->enter(1);
  (void)r->s.join(2);
  r->say(1, "5");
  auto join = r->d.joins.at("u2");
  auto reply = r->d.replies[0];

  r.reset();
  CHECK_FALSE(join.is_awaited());
  CHECK_FALSE(reply.is_awaited());
  join.accept();
  reply.send("x", {});
}

// -- messages -------------------------------------------------------------------------------------

TEST_CASE("a message that is answered later gets its answer then, and the room goes on meanwhile") {
  slow_room r;
  r.enter(1);
  r.say(1, "5");
  CHECK(r.s.out.lines.empty());
  CHECK(r.s.core->owes_answer(stage::key(1)));
  r.s.core->input(r.s.input(1, "message", R"({"type":"message","text":"hi"})"));

  r.d.replies[0].ack();
  r.take();
  CHECK(r.said(R"({"type":"ack","ref":5,"roomId":"hall","seq":1})"));
  CHECK(r.s.out.lines.back() == "answered 1");
  CHECK(r.refs[0]->answered);
  CHECK_FALSE(r.s.core->owes_answer(stage::key(1)));
}

TEST_CASE("an answer may be a message before the ack, or a refusal") {
  slow_room r;
  r.enter(1);
  r.say(1, "5");
  r.say(1, "6");

  r.d.replies[0].send("price", {{"gold", 3}});
  r.d.replies[1].refuse(errc::forbidden, "too dear");
  r.d.replies[1].ack(); // the first answer counts
  r.take();
  REQUIRE(r.s.out.lines.size() == 4);
  CHECK(r.s.out.lines[0].find(R"({"type":"price","roomId":"hall","gold":3})") != std::string::npos);
  CHECK(r.s.out.lines[1].find(R"({"type":"ack","ref":5,)") != std::string::npos);
  CHECK(r.s.out.lines[2].find(R"("ref":6,"request":"do","roomId":"hall","code":"forbidden")")
        != std::string::npos);
  CHECK(r.s.out.lines[2].find("too dear") != std::string::npos);
}

TEST_CASE("an answer that does not come in time is told, as is one that nobody can give") {
  slow_room r;
  r.enter(1);
  r.say(1, "5");
  r.pass(1s);
  r.say(1, "6");

  r.d.replies.pop_back();
  r.take();
  CHECK(r.said(R"("ref":6,"request":"do","roomId":"hall","code":"internal")"));
  r.pass(3999ms);
  CHECK_FALSE(r.said("timed_out"));
  r.pass(1ms);
  CHECK(r.said(R"("ref":5,"request":"do","roomId":"hall","code":"timed_out")"));
  auto before = r.s.out.lines.size();
  r.d.replies[0].ack();
  r.take();
  CHECK(r.s.out.lines.size() == before);
}

TEST_CASE("a message keeps its credit until it is answered, and pays for the answer") {
  slow_room r;
  r.enter(1);
  auto account = std::make_shared<credit_account>(credit_limits{32, 1000});
  r.say(1, "5", account->take(10));
  CHECK(account->held_messages() == 1);

  r.d.replies[0].send("price", {{"gold", 3}});
  r.take();
  CHECK(r.s.out.last_source);
  CHECK_FALSE(r.s.out.last_own);
  CHECK(account->held_messages() == 0);
}

TEST_CASE("what a late answer is beyond its message is charged to the sender") {
  slow_room r;
  r.enter(1);
  auto account = std::make_shared<credit_account>(credit_limits{32, 1000});
  r.say(1, "5", account->take(10));
  r.d.replies[0].send("map", {{"tiles", std::string(5000, 'x')}});
  r.take();
  CHECK(account->take_charged() > 4900);

  r.say(1, "6", account->take(10));
  r.d.replies[1].ack();
  r.take();
  CHECK(account->take_charged() == 0);
}

TEST_CASE("a member that leaves hears that what it has said is not answered, before left") {
  for (auto why : {leave_reason::left, leave_reason::forbidden}) {
    slow_room r;
    r.enter(1);
    r.enter(2);
    r.say(1, "5");
    r.say(2, "6");
    r.s.core->leave({stage::key(1), why, true, nullptr, {}});

    auto& o = r.s.out;
    CHECK(o.at(R"("ref":5,"request":"do","roomId":"hall","code":"not_joined")") < o.at("remove 1"));
    CHECK(o.at("answered 1") < o.at("remove 1"));
    CHECK_FALSE(r.d.replies[0].is_awaited());
    CHECK(r.d.replies[1].is_awaited());
  }
}

TEST_CASE("of a member that is kicked, lost or replaced nothing is answered: its connection does") {
  for (auto how : {0, 1, 2, 3}) {
    room_core::config c;
    c.resume_window = 10s;
    if (how >= 2)
      c.keep_seat = 10s;
    slow_room r{c};
    r.enter(1);
    r.enter(2);
    r.say(1, "5");
    r.d.task = [&](room_context& room, const member&) { room.kick(stage::key(1)); };
    if (how == 0)
      r.say(2, "6");
    else if (how < 3)
      r.s.core->leave({stage::key(1), leave_reason::disconnected, false, nullptr, {}, true});
    if (how == 3) {
      join_request over;
      over.who = stage::key(3);
      over.user_id = "u1";
      over.encoding = encoding::v1_json;
      over.since = std::make_shared<replay_start>();
      over.resumed = true;
      over.replaced = stage::key(1);
      r.d.decides_later = false;
      CHECK(r.s.core->join(over).room);
    }

    CAPTURE(how);
    CHECK_FALSE(r.d.replies[0].is_awaited());
    CHECK_FALSE(r.refs[0]->answered);
    CHECK_FALSE(r.said(R"("ref":5)"));
    CHECK(r.said("answered 1"));
  }
}

TEST_CASE("only the message at hand can be answered later, once, and before it is answered") {
  slow_room r;
  r.enter(1);
  auto fails = [&](std::function<void(room_context&, const member&)> task) {
    r.d.task = std::move(task);
    CHECK_THROWS_AS(r.say(1, "5"), std::logic_error);
  };
  fails([](room_context& room, const member&) {
    auto p = room.reply_later();
    (void)room.reply_later();
  });
  fails([](room_context& room, const member&) {
    room.refuse(errc::forbidden);
    (void)room.reply_later();
  });

  struct publisher final : room_behavior {
    bool on_publish(room_context& room, const member&, const application_message&) override {
      CHECK_THROWS_WITH(room.reply_later(), Catch::Contains("on_message"));
      return true;
    }
    void on_join(room_context& room, const member&) override {
      CHECK_THROWS_AS(room.reply_later(), std::logic_error);
    }
  };
  stage s{std::make_unique<publisher>()};
  s.join(1);
  s.core->input(s.input(1, "message", R"({"type":"message","text":"hi"})"));
  CHECK(s.out.said(R"("text":"hi")"));
}

TEST_CASE("once it is answered later, a message is not refused by its hook any more") {
  slow_room r;
  r.enter(1);
  r.d.task = [&](room_context& room, const member&) {
    r.d.replies.push_back(room.reply_later());
    room.refuse(errc::forbidden);
    room.broadcast("heard", {});
  };
  r.say(1, "5");
  CHECK(r.said(R"("type":"heard")"));
  CHECK_FALSE(r.said(R"("ref":5)"));
  r.d.replies[0].ack();
  r.take();
  CHECK(r.said(R"({"type":"ack","ref":5,)"));
}

TEST_CASE("who throws its sender out gets no promise") {
  slow_room r;
  r.enter(1);
  r.enter(2);
  r.d.task = [&](room_context& room, const member& from) {
    room.kick(from.key);
    r.d.replies.push_back(room.reply_later());
  };
  r.say(1, "5");
  CHECK_FALSE(r.d.replies.at(0).is_awaited());
  CHECK_FALSE(r.said(R"("ref":5)"));
}

TEST_CASE("a room that what waits for its tick ends leaves a late join to its successor") {
  room_core::config c;
  c.tick.rate = 10;
  slow_room r{std::move(c)};
  r.s.core->start_ticks(r.s.out.time);
  r.enter(1);
  join_request back;
  back.who = stage::key(3);
  back.client = stage::client(1);
  back.user_id = "u1";
  back.encoding = encoding::v1_json;
  back.resumed = back.must_replace = true;
  back.replaced = stage::key(1);
  back.since = std::make_shared<replay_start>();
  CHECK(r.s.core->join(back).is_put_off);
  r.d.task = [](room_context& room, const member&) { room.end(); };
  r.say(1, "5");

  r.d.joins.at("u1").accept();
  r.take();

  CHECK(r.s.core->ending());
  CHECK(r.s.out.decided.empty());
  CHECK(r.s.core->take_half_decided());
}
