#include "fanout/dispatcher.hpp"
#include "room/room_core.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::protocol::shared_bytes;

namespace {

/// Writes down what the room sends, in order, one line each.
struct notebook final : room_output {
  void to_dispatcher(std::uint32_t, subscribe m) override { note("subscribe", m.who, m.first); }
  void to_dispatcher(std::uint32_t, member_frame m) override {
    note(m.remove ? "remove" : "to", m.who, m.frame);
    last_source = bool(m.source);
    last_own = bool(m.own);
    own.push_back(m.own);
  }
  void to_dispatchers(const std::vector<std::uint32_t>& loops, fan_out m) override {
    std::string text = "all(" + std::to_string(loops.size()) + ")";
    if (m.except)
      text += " but " + std::to_string(m.except.slot);
    for (auto& f : m.frames)
      if (f)
        text += " " + std::string{f.view()};
    lines.push_back(text);
    last_source = bool(m.source);
    last_own = bool(m.own);
    own.push_back(m.own);
  }
  void member_kicked(const caf::strong_actor_ptr&) override { lines.push_back("connection told"); }
  void to_observer(const caf::actor&, room_event e) override { events.push_back(std::move(e)); }
  void observer_joined(const caf::actor&) override {}
  void observer_left(const caf::actor&) override {}
  void report_empty() override { lines.push_back("empty"); }
  void room_ended(const std::vector<std::uint32_t>& loops, room_end r) override {
    lines.push_back("ended(" + std::to_string(loops.size()) + ")");
    ends.push_back(r);
  }
  void request_end(room_end r) override { ends.push_back(r); }
  void report_hook_failure(const char* hook) noexcept override {
    ++failed_hooks;
    failed_hook = hook ? hook : "";
  }
  steady_time now() const override { return {}; }
  wall_time wall_now() const override { return {}; }

  void note(std::string what, session_key who, const shared_bytes& frame) {
    lines.push_back(what + " " + std::to_string(who.slot) + " " + std::string{frame.view()});
  }
  /// The index of the first line that holds `text`; the number of lines if there is none.
  [[nodiscard]] std::size_t at(std::string_view text) const {
    std::size_t i = 0;
    while (i < lines.size() && lines[i].find(text) == std::string::npos)
      ++i;
    return i;
  }
  [[nodiscard]] bool said(std::string_view text, std::size_t from = 0) const {
    for (auto i = from; i < lines.size(); ++i)
      if (lines[i].find(text) != std::string::npos)
        return true;
    return false;
  }

  std::vector<std::string> lines;
  std::vector<room_event> events;
  std::vector<room_end> ends;
  std::vector<credit> own;
  bool last_source = false, last_own = false;
  int failed_hooks = 0;
  std::string failed_hook;
};

struct stage {
  explicit stage(std::unique_ptr<room_behavior> b = std::make_unique<room_behavior>(),
                 std::size_t max_members = 10) {
    auto identity = std::make_shared<room_identity>();
    identity->key = room_key{7};
    identity->name = "hall";
    room_core::config c;
    c.identity = identity;
    c.epoch = "e1";
    c.limits.max_members = max_members;
    core = std::make_unique<room_core>(std::move(c), std::move(b), out);
    core->create();
  }

  join_reply join(std::uint32_t who, encoding e = encoding::v1_json) {
    join_request r;
    r.who = session_key{who, 1, who % 2};
    r.user_id = "u" + std::to_string(who);
    r.encoding = e;
    return core->join(r);
  }
  static session_key key(std::uint32_t who) { return {who, 1, who % 2}; }

  room_input input(std::uint32_t who, std::string type, std::string json) {
    room_input in;
    in.what = type == "message" ? room_input::kind::message : room_input::kind::application;
    in.who = key(who);
    in.encoding = encoding::v1_json;
    in.bytes = shared_bytes::copy_of(json);
    in.type = std::move(type);
    in.field = troupe::protocol::body_field::text;
    in.body = R"("hi")";
    return in;
  }

  notebook out;
  std::unique_ptr<room_core> core;
};

open_ref_ptr ref(std::string value) {
  auto r = std::make_shared<open_ref>();
  r->value = std::move(value);
  return r;
}

} // namespace

TEST_CASE("a refusal that says ok is none: it would let in") {
  CHECK_THROWS_AS(join_decision::refuse("no", errc::ok), std::invalid_argument);
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
  const std::vector<errc> others{errc::room_gone,     errc::waiting_limit, errc::timed_out,
                                 errc::undecodable,   errc::too_big,       errc::slow_consumer,
                                 errc::restart,       errc::shutdown,      errc::node_overloaded,
                                 errc::token_expired, errc::parts_limit,   static_cast<errc>(200)};
  for (auto code : others) {
    CAPTURE(static_cast<int>(code));
    stage s{std::make_unique<refusing>(code)};
    s.join(1);
    stage careless{std::make_unique<saying>(code)};

    CHECK_THROWS_AS(join_decision::refuse("no", code), std::invalid_argument);
    CHECK_THROWS_AS(s.core->input(s.input(1, "x", R"({"type":"x"})")), std::invalid_argument);
    CHECK_THROWS_AS(careless.join(1), std::invalid_argument);
  }
  for (auto code :
       {errc::bad_request, errc::forbidden, errc::room_full, errc::room_closed, errc::rate_limited,
        errc::overloaded, errc::internal, errc::unsupported, errc::unauthorized}) {
    CAPTURE(static_cast<int>(code));
    stage s{std::make_unique<saying>(code)};

    CHECK(join_decision::refuse("no", code).code == code);
    CHECK(s.join(1).code == code);
  }
  CHECK_THROWS_WITH(join_decision::refuse("no", errc::room_gone),
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

// Pins §5.12.
TEST_CASE("a join tells the others first, then subscribes the new one") {
  stage s;
  CHECK(s.join(1).code == errc::ok);
  auto from = s.out.lines.size();

  CHECK(s.join(2).code == errc::ok);

  REQUIRE(s.out.lines.size() == from + 2);
  CHECK(s.out.lines[from].find("all(1)") == 0);
  CHECK(s.out.lines[from].find(R"("userJoined")") != std::string::npos);
  CHECK(s.out.lines[from + 1].find("subscribe 2") == 0);
  CHECK(s.out.lines[from + 1].find(R"("joined")") != std::string::npos);
}

// Pins §4.23.
TEST_CASE("a second join of a held room answers joined and tells nobody") {
  stage s;
  s.join(1);
  s.join(2);
  auto from = s.out.lines.size();

  CHECK(s.join(2).code == errc::ok);

  REQUIRE(s.out.lines.size() == from + 1);
  CHECK(s.out.lines[from].find("to 2") == 0);
}

// Pins §4.18.
TEST_CASE("a full room refuses the next member") {
  stage s{std::make_unique<room_behavior>(), 1};
  s.join(1);
  CHECK(s.join(2).code == errc::room_full);
}

// Pins §10.3, §10.6.
TEST_CASE("messages are numbered in order, and the ack follows its own frame") {
  stage s;
  s.join(1);
  auto from = s.out.lines.size();
  auto in = s.input(1, "message", R"({"type":"message","text":"hi"})");
  in.ref = ref("5");

  s.core->input(in);
  s.core->input(s.input(1, "message", R"({"type":"message","text":"hi"})"));

  REQUIRE(s.out.lines.size() == from + 3);
  CHECK(s.out.lines[from].find(R"("seq":1)") != std::string::npos);
  CHECK(s.out.lines[from + 1].find(R"("ack")") != std::string::npos);
  CHECK(s.out.lines[from + 1].find(R"("ref":5)") != std::string::npos);
  CHECK(s.out.lines[from + 2].find(R"("seq":2)") != std::string::npos);
  CHECK(in.ref->answered);
  CHECK(s.core->stored().entries().size() == 2);
}

TEST_CASE("echo off leaves the sender out") {
  stage s;
  s.join(1);
  s.join(2);
  auto in = s.input(1, "message", "{}");
  in.echo = false;
  s.core->input(in);
  CHECK(s.out.said("but 1"));
}

TEST_CASE("a message of one who is no member is answered not_joined") {
  stage s;
  s.join(1);
  s.core->input(s.input(9, "message", "{}"));
  CHECK(s.out.said("not_joined"));
  CHECK(s.core->seq() == 0);
}

// Pins §4.45.
TEST_CASE("an application type without a handler is answered unknown_type") {
  stage s;
  s.join(1);
  s.core->input(s.input(1, "dance", R"({"type":"dance"})"));
  CHECK(s.out.said("unknown_type"));
}

// Pins §5.16.
TEST_CASE("each encoding in use is encoded once, and no other") {
  stage s;
  s.join(1, encoding::v1_json);
  s.join(2, encoding::plain_json);
  auto from = s.out.lines.size();
  s.core->input(s.input(1, "message", "{}"));

  auto& line = s.out.lines[from];
  CHECK(line.find(R"("roomId":"hall")") != std::string::npos);
  CHECK(line.find(R"({"type":"message","text":"hi","userId":"u1"})") != std::string::npos);
}

TEST_CASE("the last member's leave reports the room empty") {
  stage s;
  s.join(1);
  s.core->leave({s.key(1), leave_reason::left, true, nullptr, {}});
  CHECK(s.out.lines.back() == "empty");
}

TEST_CASE("a leave of one who is not in does nothing but look whether the room is empty") {
  stage s;
  s.core->leave({s.key(5), leave_reason::disconnected, false, nullptr, {}});
  CHECK(s.out.lines == std::vector<std::string>{"empty"});
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

// Pins §16.10.
TEST_CASE("output of a hook without a client's credit is charged to the room, which ends at eight "
          "times its bound") {
  struct talker final : room_behavior {
    void on_leave(room_context& room, const member&, leave_reason) override {
      std::string text(200'000, 'x');
      for (int i = 0; i < 60; ++i)
        room.broadcast("noise", {{"text", text}});
      pressure = room.pressure();
    }
    double pressure = 0;
  };
  stage s{std::make_unique<talker>()};
  s.join(1);
  s.join(3);
  s.core->leave({s.key(3), leave_reason::left, false, nullptr, {}});

  CHECK(s.out.last_own);
  REQUIRE(s.out.ends.size() == 1);
  CHECK(s.out.ends.front() == room_end::overloaded);
}

TEST_CASE("output under a client's credit carries that credit and charges nothing else") {
  stage s;
  s.join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto in = s.input(1, "message", "{}");
  in.token = account->take(10);
  s.core->input(in);
  CHECK(s.out.last_source);
  CHECK_FALSE(s.out.last_own);
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

// Pins §5.9.
TEST_CASE("the others are told why a member has gone") {
  struct bouncer final : room_behavior {
    bouncer() {
      on("out", [](room_context& room, const member& from, const application_message&) {
        room.kick(from.key);
      });
    }
  };
  for (auto why : {leave_reason::left, leave_reason::disconnected, leave_reason::kicked,
                   leave_reason::forbidden}) {
    stage s{std::make_unique<bouncer>()};
    s.join(1);
    s.join(2);
    if (why == leave_reason::kicked)
      s.core->input(s.input(2, "out", R"({"type":"out"})"));
    else
      s.core->leave({s.key(2), why, false, nullptr, {}});

    CHECK(s.out.said(R"({"type":"userLeft","roomId":"hall","userId":"u2","reason":")"
                     + std::string{to_string(why)} + "\"}"));
  }
}

// -- who pays -------------------------------------------------------------------------------------

/// Answers each message by a frame for its sender alone; notes the room's pressure at each join.
struct answering final : room_behavior {
  explicit answering(double& p) : pressure(p) {}
  void on_message(room_context& room, const member& from, const application_message&) override {
    room.send_to(from.key, "answer", {{"text", std::string(1000, 'x')}});
  }
  void on_join(room_context& room, const member& m) override {
    room.send_to(m.key, "hello", {{"text", std::string(100'000, 'x')}});
    pressure = room.pressure();
  }
  double& pressure;
};

TEST_CASE("a frame for one member is charged to the command that caused it, else to the room") {
  double pressure = 0;
  stage s{std::make_unique<answering>(pressure)};
  s.join(1); // without credit, as a join of the lobby

  CHECK(s.out.last_own);
  CHECK(pressure > 0.09);

  auto account = std::make_shared<credit_account>(credit_limits{});
  auto in = s.input(1, "ask", R"({"type":"ask"})");
  in.token = account->take(10);
  s.core->input(in);
  CHECK(s.out.last_source);
  CHECK_FALSE(s.out.last_own);
}

TEST_CASE("frames for single members end a room that is eight times behind") {
  double pressure = 0;
  stage s{std::make_unique<answering>(pressure), 200};
  for (std::uint32_t i = 1; i < 100; ++i)
    s.join(i);
  CHECK(s.out.ends == std::vector<room_end>{room_end::overloaded});
}

TEST_CASE("a notice of leaving is charged to the leave, one of a lost connection to nobody") {
  stage s;
  s.join(1);
  s.join(2);
  s.join(3);
  auto account = std::make_shared<credit_account>(credit_limits{});

  s.core->leave({s.key(1), leave_reason::left, true, nullptr, account->take(10)});
  CHECK(s.out.last_source);
  CHECK_FALSE(s.out.last_own);

  s.core->leave({s.key(2), leave_reason::disconnected, false, nullptr, {}});
  CHECK(s.out.said("userLeft"));
  CHECK_FALSE(s.out.last_source);
  CHECK_FALSE(s.out.last_own);
}

namespace {

/// Answers a command of about 10,000 bytes by as many bytes as the command asks for: to all, to all
/// but the sender, or to the sender.
struct growing final : room_behavior {
  growing() {
    auto text_of = [](const application_message& m) {
      return std::string(static_cast<std::size_t>(m.fields.number("bytes").value_or(0)), 'x');
    };
    on("all", [=](room_context& room, const member&, const application_message& m) {
      room.broadcast("said", {{"text", text_of(m)}});
    });
    on("one", [=](room_context& room, const member& from, const application_message& m) {
      for (int i = 0; i < 3; ++i)
        room.send_to(from.key, "said", {{"text", text_of(m)}});
    });
  }
};

} // namespace

// Pins §4.55.
TEST_CASE("what a command becomes beyond its own size is charged to its sender, whoever says it") {
  for (auto [type, bytes, times] :
       {std::tuple{"all", 60'000, 1}, {"all", 15'000, 0}, {"one", 60'000, 1}, {"one", 15'000, 0}}) {
    INFO(type << " " << bytes);
    stage s{std::make_unique<growing>()};
    s.join(1);
    auto account = std::make_shared<credit_account>(credit_limits{});
    auto in = s.input(1, type,
                      R"({"type":"all","bytes":)" + std::to_string(bytes) + R"(,"x":")"
                        + std::string(10'000, 'x') + "\"}");
    in.token = account->take(in.bytes.size());
    auto size = in.bytes.size();

    s.core->input(in);
    auto charged = account->take_charged();

    CHECK(charged >= (times > 0 ? 60'000 - size : 0));
    CHECK(charged <= (times > 0 ? 60'200 - size : 0));
  }
}

TEST_CASE("binary that grows by more than twice is charged to its sender, too") {
  stage s;
  s.join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto in = s.input(1, "binary", "short");
  in.what = room_input::kind::binary;
  std::string body(9000, 'b');
  in.body = body;
  in.token = account->take(in.bytes.size());

  s.core->input(in);

  CHECK(account->take_charged() > 9000);
}

// Pins §4.56.
TEST_CASE("a profile that is told in another codec is charged to the join") {
  stage s;
  s.join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  join_request r;
  r.who = stage::key(2);
  r.user_id = "u2";
  r.encoding = encoding::v1_msgpack;
  r.profile = "\x81\xa1x\xda\x0f\xa0" + std::string(4000, '\x01');
  r.token = account->take(r.profile.size());

  REQUIRE(s.core->join(r).code == errc::ok);
  auto charged = account->take_charged();

  CHECK(charged > 5 * 4000);
  CHECK(charged < 6 * 4000);
}

TEST_CASE(
  "any number of lost connections does not end a room, whatever its behaviour says about each") {
  struct mourner final : room_behavior {
    void on_leave(room_context& room, const member& m, leave_reason) override {
      room.broadcast("gone", {{"who", std::string(1000, 'x')}, {"userId", m.user_id}});
    }
  };
  stage s{std::make_unique<mourner>(), 0};
  for (std::uint32_t i = 1; i <= 10'000; ++i)
    s.join(i);
  s.out.own.clear(); // the output of the joins has left

  for (std::uint32_t i = 1; i < 10'000; ++i)
    s.core->leave({s.key(i), leave_reason::disconnected, false, nullptr, {}});

  CHECK(s.out.ends.empty());
}

// -- the end of a room ----------------------------------------------------------------------------

/// Notes the ends of members and of the room.
struct mourning : room_behavior {
  explicit mourning(std::vector<std::string>& l) : log(l) {
    on("end", [](room_context& room, const member&, const application_message&) {
      room.end();
      room.broadcast("last", {{"words", true}});
    });
  }
  void on_leave(room_context& room, const member& m, leave_reason why) override {
    log.push_back(m.user_id + " " + std::string{to_string(why)});
    room.broadcast("too late", {{"n", 1}});
  }
  void on_close(room_context& room) override {
    log.push_back("close " + std::to_string(room.member_count()));
    room.for_each_member([&](const member& m) { room.kick(m.key); });
    room.broadcast("too late", {{"n", 2}});
  }
  std::vector<std::string>& log;
};

TEST_CASE("a room says its end behind all else; its behaviour then hears of each member's end, and "
          "of its own") {
  std::vector<std::string> log;
  stage s{std::make_unique<mourning>(log)};
  s.join(1);
  s.join(2);
  s.core->input(s.input(1, "end", R"({"type":"end"})"));
  CHECK(s.out.said("last"));
  s.core->close(room_end::ended);

  CHECK(s.out.lines.back() == "ended(2)");
  std::sort(log.begin(), log.end());
  CHECK(log == std::vector<std::string>{"close 0", "u1 closed", "u2 closed"});
}

TEST_CASE("a room that is stopped tells its dispatchers, one that is empty nobody") {
  std::vector<std::string> log;
  stage s{std::make_unique<mourning>(log)}, empty{std::make_unique<mourning>(log)};
  s.join(1);
  s.core->close(room_end::stopped);
  CHECK(s.out.lines.back() == "ended(1)"); // clients hear that the node stops
  CHECK(log == std::vector<std::string>{"u1 closed", "close 0"});

  empty.core->close(room_end::empty);
  CHECK_FALSE(empty.out.said("ended("));
}

TEST_CASE("a room that has asked for its end handles nothing more") {
  std::vector<std::string> log;
  stage s{std::make_unique<mourning>(log)};
  s.join(1);
  s.core->input(s.input(1, "end", R"({"type":"end"})"));
  auto from = s.out.lines.size();

  auto in = s.input(1, "message", R"({"type":"message","text":"hi"})");
  in.ref = ref("1");
  s.core->input(in);
  s.core->leave({s.key(1), leave_reason::left, true, nullptr, {}});

  CHECK(s.out.lines.size() == from);
  CHECK_FALSE(in.ref->answered); // the connection answers when it hears that the room is closed
  CHECK(s.core->ending());
}

TEST_CASE("a room that crashes tells its behaviour each member's end, whatever those hooks do, and "
          "nothing else") {
  struct bad final : mourning {
    using mourning::mourning;
    void on_leave(room_context& room, const member& m, leave_reason why) override {
      mourning::on_leave(room, m, why);
      throw 1;
    }
  };
  std::vector<std::string> log;
  stage s{std::make_unique<bad>(log)};
  s.join(1);
  s.join(2);
  auto from = s.out.lines.size();

  s.core->crash();

  std::sort(log.begin(), log.end());
  CHECK(log == std::vector<std::string>{"u1 closed", "u2 closed"});
  CHECK(s.out.failed_hooks == 2);
  CHECK(s.out.failed_hook == "on_leave");
  CHECK(s.out.lines.size() == from); // the shard tells it
}
