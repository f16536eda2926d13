#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
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

/// What the test lets its hooks do, and what they note.
struct script {
  std::function<void(room_context&, const member&)> task, on_leave;
  std::function<void(room_context&)> on_close;
  names said;

  /// Notes the code of a result, and its data if there are any.
  request_handler note(std::string name = {}) {
    return [this, name](room_context&, const request_result& r) {
      said.push_back(name + std::string{to_string(r.code)} + std::string{r.data.bytes()});
    };
  }
};

struct asking final : room_behavior {
  explicit asking(script& t) : s(t) {}
  void on_message(room_context& room, const member& from, const application_message&) override {
    s.task(room, from);
    s.said.emplace_back("task done");
  }
  void on_leave(room_context& room, const member& m, leave_reason) override {
    s.said.push_back("left " + m.user_id);
    if (s.on_leave)
      s.on_leave(room, m);
  }
  void on_close(room_context& room) override {
    s.said.emplace_back("closed");
    if (s.on_close)
      s.on_close(room);
  }
  script& s;
};

/// A room whose behaviour does what the test says.
struct asking_room {
  explicit asking_room(room_core::config c = {}) : s{std::make_unique<asking>(hooks), 10, c} {}

  /// Runs `task` as a hook; forgets what was noted before.
  void run(std::function<void(room_context&, const member&)> task, std::uint32_t who = 1,
           credit token = {}) {
    hooks.said.clear();
    hooks.task = std::move(task);
    auto in = s.input(who, "do", R"({"type":"do"})");
    in.token = std::move(token);
    s.core->input(in);
  }
  /// Asks that member, which has `limit`.
  void ask(std::uint32_t who, std::chrono::milliseconds limit = 5s) {
    run([this, who, limit](room_context& room, const member&) {
      room.ask(s.key(who), {{"q", 1}}, limit, hooks.note());
    });
    hooks.said.clear();
  }
  /// Answers with the `ref` 9.
  void reply(std::uint32_t who, const std::string& id, const std::string& data = "true") {
    auto in = s.reply(who, id, data);
    in.ref = ref("9");
    s.core->input(in);
  }
  void pass(std::chrono::milliseconds time) {
    s.out.time += time;
    s.core->end_requests();
  }
  [[nodiscard]] const std::string& last() const { return s.out.lines.back(); }

  script hooks;
  stage s;
};

constexpr auto refused = R"("ref":9,"request":"$reply","roomId":"hall","code":"timed_out")";

} // namespace

// Pins §4.160, §4.162, §5.41.
TEST_CASE("a member is asked, and its first answer is heard, once") {
  asking_room r;
  r.s.join(1);
  r.s.join(2);

  r.ask(2);
  CHECK(r.s.out.said(R"(to 2 )"));
  CHECK(r.s.out.said(R"({"type":"$request","roomId":"hall","requestId":"1","data":{"q":1}})"));
  CHECK(r.s.out.requests_due.back() == steady_time{} + 5s);
  r.reply(2, "1", R"({"yes":1})");
  CHECK(r.hooks.said == names{R"(ok{"yes":1})"});
  CHECK(r.last().find(R"({"type":"ack","ref":9,"roomId":"hall","seq":0})") != std::string::npos);

  r.reply(2, "1", R"({"yes":2})");
  CHECK(r.last().find(refused) != std::string::npos);
  r.pass(10s);
  CHECK(r.hooks.said.size() == 1);
}

// Pins §4.163.
TEST_CASE("another member cannot answer, nor can anybody what was not asked") {
  asking_room r;
  r.s.join(1);
  r.s.join(2);
  r.ask(2);

  r.reply(1, "1");
  CHECK(r.last().find(refused) != std::string::npos);
  for (auto id : {"2", "01", "", "0"}) {
    r.reply(2, id);
    CHECK(r.last().find(refused) != std::string::npos);
  }
  CHECK(r.hooks.said.empty());

  r.reply(2, "1");
  CHECK(r.hooks.said == names{"oktrue"});
}

// Pins §4.163.
TEST_CASE("a request ends with its time, and what comes later is refused") {
  asking_room r;
  r.s.join(1);
  r.ask(1, 5s);

  r.pass(4999ms);
  CHECK(r.hooks.said.empty());
  CHECK(r.s.out.requests_due.back() == steady_time{} + 5s);
  r.pass(1ms);
  CHECK(r.hooks.said == names{"timed_out"});
  r.reply(1, "1");
  CHECK(r.last().find(refused) != std::string::npos);
  CHECK(r.hooks.said.size() == 1);
}

TEST_CASE("a request ends when its member leaves, behind on_leave") {
  asking_room r;
  r.s.join(1);
  r.s.join(2);
  r.ask(2);
  r.s.leave(2);
  CHECK(r.hooks.said == names{"left u2"});
  CHECK(r.s.out.requests_due.back() == r.s.out.time);
  r.pass(0ms);
  CHECK(r.hooks.said == names{"left u2", "not_joined"});

  r.s.join(3);
  r.run([&](room_context& room, const member&) {
    room.ask(r.s.key(3), {}, 1s, r.hooks.note());
    room.kick(r.s.key(3));
    room.ask(r.s.key(3), {}, 1s, r.hooks.note("again "));
  });
  r.pass(0ms);
  CHECK(r.hooks.said == names{"left u3", "task done", "not_joined", "again not_joined"});
}

// Pins §6.21.
TEST_CASE("who cannot be asked is not asked, and the handler hears why behind the hook") {
  asking_room r;
  r.s.join(1);
  r.s.join(2, encoding::plain_json);
  auto lines = r.s.out.lines.size();

  r.run([&](room_context& room, const member&) {
    room.ask(r.s.key(2), {}, 1s, r.hooks.note("plain "));
    room.ask(r.s.key(7), {}, 1s, r.hooks.note("nobody "));
  });
  CHECK(r.s.out.lines.size() == lines);
  CHECK(r.hooks.said == names{"task done"});
  r.pass(0ms);
  CHECK(r.hooks.said == names{"task done", "plain unsupported", "nobody not_joined"});
  r.reply(2, "1");
  CHECK(r.last().find("timed_out") != std::string::npos);
}

// Pins §16.81.
TEST_CASE("beyond the bounds of open requests nobody is asked, and the handler hears so") {
  auto asked_of = [](asking_room& r, std::uint32_t who, int times) {
    r.run([&](room_context& room, const member&) {
      for (int i = 0; i < times; ++i)
        room.ask(r.s.key(who), {}, 1s, r.hooks.note());
    });
    r.pass(0ms);
    auto& said = r.hooks.said;
    return times - std::count(said.begin(), said.end(), "overloaded");
  };
  asking_room usual;
  usual.s.join(1);
  usual.s.join(2);
  CHECK(asked_of(usual, 1, 20) == 16);
  CHECK(asked_of(usual, 2, 20) == 16);
  usual.reply(1, "1");
  CHECK(asked_of(usual, 1, 2) == 1);

  room_core::config c;
  c.limits.max_requests = 18;
  asking_room small{c};
  small.s.join(1);
  small.s.join(2);
  CHECK(asked_of(small, 1, 16) == 16);
  CHECK(asked_of(small, 2, 16) == 2);
  CHECK(room_limits{}.max_requests == 16'384);
}

TEST_CASE("a handler that asks again, and is refused again, does not keep the loop") {
  asking_room r;
  r.s.join(1);
  int refusals = 0;
  request_handler again = [&](room_context& room, const request_result&) {
    ++refusals;
    room.ask({}, {}, 1s, again);
  };
  r.run([&](room_context& room, const member&) { room.ask({}, {}, 1s, again); });

  for (int i = 1; i <= 3; ++i) {
    r.pass(10ms);
    CHECK(refusals == i);
  }
}

TEST_CASE("a room that ends tells the handlers behind on_leave, and before on_close") {
  asking_room r;
  r.s.join(1);
  r.ask(1);
  r.hooks.on_leave = [&](room_context& room, const member& m) {
    room.ask(m.key, {}, 1s, r.hooks.note("too late "));
  };
  r.hooks.on_close = [&](room_context& room) {
    room.ask(r.s.key(1), {}, 1s, r.hooks.note("too late "));
  };

  r.s.core->close(room_end::ended);
  r.pass(10s);

  CHECK(r.hooks.said == names{"left u1", "room_closed", "closed"});
}

TEST_CASE("in a crashed room each handler is told, also if one of them throws") {
  asking_room r;
  r.s.join(1);
  r.run([&](room_context& room, const member& m) {
    room.ask(m.key, {}, 1s,
             [](room_context&, const request_result&) { throw std::runtime_error{"boom"}; });
    room.ask(m.key, {}, 2s, r.hooks.note());
    room.ask({}, {}, 2s, r.hooks.note());
  });
  r.hooks.said.clear();

  r.s.core->crash();

  CHECK(r.hooks.said == names{"left u1", "not_joined", "room_closed"});
  CHECK(r.s.out.failed_hooks == 1);
  CHECK(r.s.out.failed_hook == "a request's handler");
}

TEST_CASE("a handler that throws ends the room, with its name") {
  asking_room r;
  r.s.join(1);
  auto fail = [](room_context&, const request_result&) { throw std::runtime_error{"boom"}; };
  r.run([&](room_context& room, const member& m) { room.ask(m.key, {}, 1s, fail); });
  CHECK_THROWS_AS(r.reply(1, "1"), std::runtime_error);
  CHECK(std::string_view{r.s.core->hook()} == "a request's handler");

  asking_room late;
  late.s.join(1);
  late.run([&](room_context& room, const member& m) { room.ask(m.key, {}, 1s, fail); });
  CHECK_THROWS_AS(late.pass(1s), std::runtime_error);
  CHECK(std::string_view{late.s.core->hook()} == "a request's handler");
}

TEST_CASE("a handler may refuse the answer, which is over all the same") {
  asking_room r;
  r.s.join(1);
  r.run([&](room_context& room, const member& m) {
    room.ask(m.key, {}, 1s, [](room_context& of, const request_result&) {
      of.refuse(errc::bad_request, "no move");
      of.kick({}); // nobody
    });
  });

  r.reply(1, "1");
  CHECK(r.last().find(R"("ref":9,"request":"$reply","roomId":"hall","code":"bad_request",)"
                      R"("message":"no move")")
        != std::string::npos);
  r.reply(1, "1");
  CHECK(r.last().find(refused) != std::string::npos);
}

TEST_CASE("a request is charged like a frame for one member, and its handler like the answer") {
  asking_room r;
  r.s.join(1);
  r.s.join(3);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto say = [](room_context& room, const request_result&) { room.broadcast("heard", {}); };
  auto ask = [&](room_context& room, const member& m) { room.ask(m.key, {}, 1s, say); };

  r.run(ask, 1, account->take(10));
  CHECK(r.s.out.last_source);
  CHECK_FALSE(r.s.out.last_own);
  r.run(ask);
  CHECK_FALSE(r.s.out.last_source);
  CHECK(r.s.out.last_own);

  auto in = r.s.reply(1, "1", "1");
  in.token = account->take(10);
  r.s.core->input(in);
  CHECK(r.s.out.last_source);
  r.pass(1s);
  CHECK(r.last().find(R"("type":"heard")") != std::string::npos);
  CHECK(r.s.out.last_own);

  r.run(ask);
  r.s.leave(1);
  r.pass(0ms);
  CHECK(r.last().find(R"("type":"heard")") != std::string::npos);
  CHECK_FALSE(r.s.out.last_own);
  CHECK_FALSE(r.s.out.last_source);
}

TEST_CASE("what grows in a request is charged to the command that caused it") {
  asking_room r;
  r.s.join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  r.run(
    [&](room_context& room, const member& m) {
      room.ask(m.key, {{"text", std::string(20'000, 'x')}}, 1s, r.hooks.note());
    },
    1, account->take(10));

  CHECK(account->take_charged() > 20'000);
}

TEST_CASE("a client of MessagePack is asked, and answers, in its codec") {
  asking_room r;
  r.s.join(1);
  r.s.join(2, encoding::v1_msgpack);
  std::string heard;
  r.run([&](room_context& room, const member&) {
    room.ask(r.s.key(2), {{"q", 1}}, 1s, [&](room_context&, const request_result& result) {
      CHECK(result.data.source() == protocol::codec::msgpack);
      heard = result.data.string("a").value_or("");
    });
  });
  CHECK(r.s.out.last_frame.view().ends_with("\xa4"
                                            "data\x81\xa1q\x01"));

  auto in = r.s.reply(2, "1", "null");
  std::string message = "\x83\xa4type\xa6$reply\xa9requestId\xa1"
                        "1\xa4"
                        "data\x81\xa1"
                        "a\xa1"
                        "b";
  in.bytes = protocol::shared_bytes::copy_of(message);
  in.body = in.bytes.view().substr(in.bytes.size() - 5);
  in.encoding = encoding::v1_msgpack;
  r.s.core->input(in);
  CHECK(heard == "b");
}

TEST_CASE("a question that no member could be asked throws, and nobody is asked") {
  asking_room r;
  r.s.join(1);
  auto lines = r.s.out.lines.size();
  auto none = [](room_context&, const request_result&) {};
  r.run([&](room_context& room, const member& m) {
    for (auto limit : {0ms, -1ms, 24h + 1ms, std::chrono::milliseconds::max()})
      CHECK_THROWS_AS(room.ask(m.key, {}, limit, none), std::invalid_argument);
    CHECK_THROWS_AS(room.ask(m.key, {}, 1s, {}), std::invalid_argument);
    CHECK_THROWS_AS(room.ask(m.key, {{"a", 1}, {"a", 2}}, 1s, none), std::invalid_argument);
    CHECK_THROWS_AS(room.ask(m.key, {{"$bin", "AAEC"}}, 1s, none), std::invalid_argument);
    CHECK_THROWS_AS(room.ask(m.key, {{"__proto__", 1}}, 1s, none), std::invalid_argument);
    CHECK_THROWS_WITH(
      room.ask(m.key, {{"a", protocol::raw_value{protocol::codec::json, "[1"}}}, 1s, none),
      "a request: its field \"a\" is no whole value in JSON");
  });
  CHECK(r.s.out.lines.size() == lines);

  r.run([&](room_context& room, const member& m) {
    room.ask(m.key, {{"type", "vote"}, {"seq", 1}, {"", 2}, {"roomId", "x"}}, 24h, none);
  });
  CHECK(r.s.out.said(R"("data":{"type":"vote","seq":1,"roomId":"x"}})"));
}

// Pins §10.18.
TEST_CASE("a handler that throws out who has answered leaves the answer to its connection") {
  asking_room r;
  r.s.join(1);
  r.run([&](room_context& room, const member& m) {
    room.ask(m.key, {}, 1s,
             [](room_context& of, const request_result& result) { of.kick(result.who); });
  });
  r.reply(1, "1");
  CHECK_FALSE(r.s.out.said(R"("type":"ack")"));
  CHECK(r.s.out.said("connection told"));
}

TEST_CASE("what a request's handler holds may use the room until it is gone, however that ends") {
  asking_room r;
  r.s.join(1);
  r.s.join(2);
  auto uses = 0;
  // `member_count` throws outside of a hook, and so ends the process in a destructor.
  auto ask = [&](std::uint32_t who) {
    r.run(
      [&, who](room_context& room, const member&) {
        auto use = [&uses, &room](const void*) { uses += room.member_count() > 0 ? 1 : 0; };
        std::shared_ptr<const void> last{&uses, use};
        room.ask(r.s.key(who), {{"q", 1}}, 5s, [last](room_context&, const request_result&) {});
      },
      2);
  };

  ask(2);
  r.reply(2, "1");
  CHECK(uses == 1);
  ask(2);
  r.pass(6s);
  CHECK(uses == 2);
  ask(1);
  r.s.leave(1);
  r.s.core->end_requests();
  CHECK(uses == 3);
  ask(2);
  r.s.core.reset();
  CHECK(uses == 4);
}
