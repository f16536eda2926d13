// What a room's behaviour may do and say, and what its hooks may throw.

#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::test::ref;
using stage = troupe::test::room_stage;

TEST_CASE("a refusal that says ok is none: it would let in") {
  CHECK_THROWS_AS(join_decision::refuse(errc::ok, "no"), std::invalid_argument);
  CHECK(join_decision::refuse("no").code == errc::forbidden);
}

// Pins §12.7.
TEST_CASE("a behaviour refuses with what a client is told as an error, and with nothing else") {
  struct refusing final : room_behavior {
    explicit refusing(errc c) : code(c) {}
    void on_message(room_context& room, const member&, const application_message&) override {
      room.refuse(code);
    }
    errc code;
  };
  struct saying final : room_behavior {
    explicit saying(errc c) : code(c) {}
    join_decision authorize_join(room_context&, const member&) override { return {code, "no"}; }
    errc code;
  };
  const std::vector<errc> others{errc::room_gone,   errc::waiting_limit,   errc::undecodable,
                                 errc::too_big,     errc::slow_consumer,   errc::restart,
                                 errc::shutdown,    errc::node_overloaded, errc::token_expired,
                                 errc::parts_limit, static_cast<errc>(200)};
  for (auto code : others) {
    CAPTURE(static_cast<int>(code));
    stage s{std::make_unique<refusing>(code)};
    s.join(1);
    stage careless{std::make_unique<saying>(code)};

    CHECK_THROWS_AS(join_decision::refuse(code, "no"), std::invalid_argument);
    CHECK_THROWS_AS(s.core->input(s.input(1, "x", R"({"type":"x"})")), std::invalid_argument);
    CHECK_THROWS_AS(careless.join(1), std::invalid_argument);
  }
  for (auto code :
       {errc::bad_request, errc::forbidden, errc::room_full, errc::room_closed, errc::rate_limited,
        errc::overloaded, errc::timed_out, errc::internal, errc::unsupported, errc::unauthorized}) {
    CAPTURE(static_cast<int>(code));
    stage s{std::make_unique<saying>(code)};

    CHECK(join_decision::refuse(code, "no").code == code);
    CHECK(s.join(1).code == code);
  }
  CHECK_THROWS_WITH(join_decision::refuse(errc::room_gone, "no"),
                    "join_decision::refuse(room_gone): no client is ever told this");
}

namespace {

/// Throws in the hook that `hook` names.
struct failing final : room_behavior {
  void fail_in(std::string_view here) const {
    if (hook == here)
      throw std::runtime_error{"boom"};
  }
  join_decision authorize_join(room_context&, const member&) override {
    return fail_in("authorize_join"), join_decision::accept();
  }
  void on_join(room_context&, const member&) override { fail_in("on_join"); }
  bool on_publish(room_context&, const member&, const application_message&) override {
    return fail_in("on_publish"), true;
  }
  bool on_binary(room_context&, const member&, std::string_view) override {
    return fail_in("on_binary"), true;
  }
  void on_message(room_context& room, const member& from, const application_message&) override {
    room.kick(from.key);
    fail_in("on_message");
  }
  void on_leave(room_context&, const member&, leave_reason) override { fail_in("on_leave"); }
  void on_close(room_context&) override { fail_in("on_close"); }

  std::string hook;
};

/// Makes the room call that hook, and those around it.
void run(stage& s, std::string_view hook) {
  if (hook == "authorize_join" || hook == "on_join")
    (void)s.join(2);
  else if (hook == "on_publish")
    s.core->input(s.input(1, "message", R"({"type":"message","text":"hi"})"));
  else if (hook == "on_message" || hook == "on_leave")
    s.core->input(s.input(1, "move", R"({"type":"move"})"));
  else if (hook == "on_close")
    s.core->close(room_end::ended);
  else {
    auto in = s.input(1, "binary", "x");
    in.what = room_input::kind::binary;
    s.core->input(in);
  }
}

} // namespace

TEST_CASE(
  "a room tells which of its hooks has thrown, the innermost, and none when all have returned") {
  for (auto hook : {"authorize_join", "on_join", "on_publish", "on_binary", "on_message",
                    "on_leave", "on_close"}) {
    CAPTURE(hook);
    auto behavior = std::make_unique<failing>();
    auto& b = *behavior;
    stage well, s{std::move(behavior)};
    well.join(1);
    s.join(1);
    b.hook = hook;

    run(well, hook);
    CHECK_THROWS_AS(run(s, hook), std::runtime_error);

    CHECK(well.core->hook() == nullptr);
    REQUIRE(s.core->hook() != nullptr);
    CHECK(std::string{s.core->hook()} == hook);
  }
}

// Pins §5.8.
TEST_CASE("a behaviour may kick a member from its own hook and still read it") {
  struct bouncer final : room_behavior {
    void on_join(room_context& room, const member& m) override {
      room.kick(m.key, "not you");
      name = m.user_id;
    }
    std::string name;
  };
  stage s{std::make_unique<bouncer>()};

  auto reply = s.join(1);

  CHECK(reply.code == errc::ok);
  CHECK_FALSE(reply.room);
  auto told = s.out.at("not you");
  auto kicked = s.out.at("connection told");
  CHECK(told < kicked); // the connection answers when it is told, so the client must be told first
  CHECK(kicked < s.out.lines.size());
}

namespace {

/// The fields `f0` to `f29`, and one more.
std::vector<troupe::protocol::field> many_fields(std::string_view last) {
  static const auto names = [] {
    std::vector<std::string> all;
    for (int i = 0; i < 30; ++i)
      all.push_back("f" + std::to_string(i));
    return all;
  }();
  std::vector<troupe::protocol::field> fields;
  for (auto& n : names)
    fields.emplace_back(n, 1);
  fields.emplace_back(last, 1);
  return fields;
}

} // namespace

// Pins §5.14, §5.15.
TEST_CASE(
  "a behaviour that says what members could not read gets a sentence, and nobody hears it") {
  struct row {
    std::string what;
    broadcast_event event;
  };
  using troupe::protocol::codec;
  using troupe::protocol::raw_value;
  auto with = [](raw_value v) { return broadcast_event{"said", {{"v", v}}, {}, true, true}; };
  const std::vector<row> rows{
    {"no type", {"", {}, {}, true, true}},
    {"a client's type", {"message", {}, {}, true, true}},
    {"a server's type", {"roomClosed", {}, {}, true, true}},
    {"a type of later versions", {"$later", {}, {}, true, true}},
    {"control characters", {"a\nb", {}, {}, true, true}},
    {"a long type",
     {std::string_view{"ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
                       "ttttttttttttttttttttttttttt"
                       "tttttttttttttttttttttttttttttttttttttttttt"},
      {},
      {},
      true,
      true}},
    {"half a map", with({codec::json, "{\"a\":1"})},
    {"two values", with({codec::json, "1,\"admin\":true"})},
    {"no JSON", with({codec::json, "undefined"})},
    {"NaN", with({codec::json, "NaN"})},
    {"no UTF-8", with({codec::json, "\"\xff\""})},
    {"a string without its end", with({codec::json, "\"a"})},
    {"half a MessagePack string", with({codec::msgpack, "\xa5"
                                                        "ab"})},
    {"two MessagePack values", with({codec::msgpack, "\x01\x02"})},
    {"in v1_fields", {"said", {}, {{"v", raw_value{codec::json, "["}}}, true, true}},
    {"a field twice", {"said", {{"a", 1}, {"b", 2}, {"a", 1}}, {}, true, true}},
    {"a field in both lists", {"said", {{"a", 1}}, {{"a", 2}}, true, true}},
    {"a field of many twice", {"said", many_fields("f7"), {}, true, true}},
    {"a type as a field", {"said", {{"type", "other"}}, {}, true, true}},
    {"a room as a field", {"said", {{"roomId", "other"}}, {}, true, true}},
    {"a position as a field", {"said", {}, {{"seq", 1}}, false, true}},
    {"a prototype as a field", {"said", {{"__proto__", 1}}, {}, true, true}},
    {"bytes as a field", {"said", {{"$bin", "AAEC"}}, {}, true, true}},
    {"a key without UTF-8", {"said", {{"a\xff", 1}}, {}, true, true}},
    {"a ref as a field", {"said", {{"ref", 1}}, {}, true, false}},
  };
  struct speaker final : room_behavior {
    explicit speaker(const std::vector<row>& r) : rows(r) {}
    void on_join(room_context& room, const member& m) override {
      for (auto& r : rows) {
        INFO(r.what);
        CHECK_THROWS_AS(room.broadcast(r.event), std::invalid_argument);
        CHECK_THROWS_AS(room.broadcast_except(m.key, r.event), std::invalid_argument);
        CHECK_THROWS_AS(room.send_to(m.key, r.event), std::invalid_argument);
        CHECK_THROWS_AS(room_handle{}.publish(r.event), std::invalid_argument);
      }
      using troupe::protocol::codec;
      using troupe::protocol::raw_value;
      room.broadcast({"said",
                      {{"v", raw_value{codec::json, "[1,{\"a\":null}]"}},
                       {"w", raw_value{codec::msgpack, "\xc0"}}},
                      {},
                      true,
                      true});
      raw_value none{codec::json, {}}; // neither this nor a field without a name is written
      room.broadcast({"left out",
                      {{"a", none}, {"", 1}, {"", 2}, {"type", none}},
                      {{"a", 3}, {"A", 4}},
                      true,
                      true});
      room.broadcast({"many", many_fields("another"), {}, true, true});
    }
    const std::vector<row>& rows;
  };
  stage s{std::make_unique<speaker>(rows)};

  s.join(1);

  CHECK(s.core->seq() == 3);
  CHECK(s.out.said(R"("v":[1,{"a":null}],"w":null)"));
  CHECK(s.out.said(R"("seq":2,"a":3,"A":4})"));
}

// Pins §3.5, §18.1.
TEST_CASE("what a behaviour passes on of the message at hand is valid, whatever its type") {
  struct echo final : room_behavior {
    void on_message(room_context& room, const member&, const application_message& m) override {
      room.broadcast(
        m.type, {{"data", troupe::protocol::raw_value{m.fields.source(), m.fields.raw("data")}}});
    }
    bool on_publish(room_context& room, const member&, const application_message&) override {
      CHECK_THROWS_AS(room.broadcast("message", troupe::protocol::field_list{}),
                      std::invalid_argument);
      return true;
    }
  };
  stage s{std::make_unique<echo>()};
  s.join(1);
  auto say = [&](const std::string& type) {
    s.core->input(s.input(1, type, R"({"data":{"a":1}})"));
  };

  say("$later");
  CHECK(s.out.said(R"("type":"$later")"));
  CHECK(s.out.said(R"("data":{"a":1})"));
  say("message");
  auto before = s.out.lines.size();
  say("roomClosed"); // only servers say this

  CHECK_FALSE(s.out.said(R"("type":"roomClosed")", before));
  CHECK(s.out.said("unknown_type", before));
}

// Pins §12.7.
TEST_CASE("a handler's refusal answers the command once and with its ref") {
  struct strict final : room_behavior {
    strict() {
      on("move", [](room_context& room, const member&, const application_message&) {
        room.refuse(errc::bad_request, "x: a number");
        room.refuse(errc::internal);
      });
    }
  };
  stage s{std::make_unique<strict>()};
  s.join(1);
  auto from = s.out.lines.size();
  auto in = s.input(1, "move", R"({"type":"move"})");
  in.ref = ref("\"a\"");
  s.core->input(in);

  REQUIRE(s.out.lines.size() == from + 1);
  CHECK(s.out.lines[from].find("x: a number") != std::string::npos);
  CHECK(s.out.lines[from].find(R"("ref":"a")") != std::string::npos);
}

TEST_CASE("a message whose sender was thrown out by the hook is neither relayed nor acked") {
  struct bouncer final : room_behavior {
    bool on_publish(room_context& room, const member& from, const application_message&) override {
      room.kick(from.key);
      return true;
    }
  };
  stage s{std::make_unique<bouncer>()};
  s.join(1);
  s.join(2);
  auto from = s.out.lines.size();
  auto in = s.input(1, "message", R"({"type":"message","text":"hi"})");
  in.ref = std::make_shared<open_ref>();
  in.ref->value = "7";

  s.core->input(in);

  CHECK_FALSE(s.out.said(R"("type":"message")", from));
  CHECK_FALSE(s.out.said("ack", from));
  CHECK_FALSE(in.ref->answered); // the connection answers when it hears of the kick
}

// Pins §6.6.
TEST_CASE("a kicked plain client is told so by an error") {
  struct bouncer final : room_behavior {
    void on_join(room_context& room, const member& m) override {
      if (m.encoding == encoding::plain_json)
        room.kick(m.key, "members only");
    }
  };
  stage s{std::make_unique<bouncer>()};

  s.join(1, encoding::plain_json);

  CHECK(
    s.out.said(R"("type":"error","roomId":"hall","code":"not_joined","message":"members only")"));
}

// Pins §4.43, §7.11, §10.8.
TEST_CASE("what a behaviour swallows nobody hears, and it is acked with the position before it") {
  struct deaf final : room_behavior {
    bool on_publish(room_context&, const member&, const application_message&) override {
      return false;
    }
    bool on_binary(room_context& room, const member&, std::string_view bytes) override {
      if (bytes == "no")
        room.refuse(errc::forbidden);
      return false;
    }
  };
  stage s{std::make_unique<deaf>()};
  s.join(1);
  s.join(2);
  auto from = s.out.lines.size();
  auto say = [&](std::string type, std::string body) {
    auto in = s.input(1, type, "{}");
    in.what = type == "binary" ? room_input::kind::binary : room_input::kind::message;
    in.body = body;
    in.ref = ref("5");
    s.core->input(in);
  };

  say("message", "\"hi\"");
  say("binary", "bytes");
  say("binary", "no");

  REQUIRE(s.out.lines.size() == from + 3);
  for (auto i : {from, from + 1})
    CHECK(s.out.lines[i].ends_with(R"({"type":"ack","ref":5,"roomId":"hall","seq":0})"));
  CHECK(
    s.out.lines[from + 2].find(R"("ref":5,"request":"binary","roomId":"hall","code":"forbidden")")
    != std::string::npos);
}

// Pins §4.46, §10.7.
TEST_CASE("an application's command is acked behind all that it made the room say, with the room's "
          "position then") {
  struct talker final : room_behavior {
    talker() {
      on("talk", [](room_context& room, const member& from, const application_message&) {
        room.broadcast("said", {{"n", 1}});
        room.broadcast("said", {{"n", 2}});
        room.send_to(from.key, "heard", {{"n", 3}});
      });
    }
  };
  stage s{std::make_unique<talker>()};
  s.join(1);
  auto from = s.out.lines.size();
  auto in = s.input(1, "talk", R"({"type":"talk"})");
  in.ref = ref("5");

  s.core->input(in);

  REQUIRE(s.out.lines.size() == from + 4);
  CHECK(s.out.lines.back().ends_with(R"({"type":"ack","ref":5,"roomId":"hall","seq":2})"));
}
