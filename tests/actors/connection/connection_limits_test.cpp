// What a connection counts: its rooms, faulty messages, and messages of a second.

#include "core_client.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using client = troupe::test::core_client;
using namespace std::chrono_literals;

// Pins §4.16, §4.24.
TEST_CASE("the room limit refuses the next join") {
  node_options o;
  o.connections.max_rooms = 2;
  client c{encoding::v1_json, o};
  c.enter("a", 1);
  c.enter("b", 2);
  c.say(R"({"type":"join","roomId":"c"})");
  CHECK(c.out.has("room_limit"));
  CHECK(c.core->rooms() == 2);
}

// Pins §12.10.
TEST_CASE("ten errors in a minute close the connection") {
  client c;
  for (int i = 0; i < 9; ++i)
    c.say("{");
  CHECK(c.out.count("close") == 0);
  c.say("{");
  CHECK(c.out.has("close too_many_errors"));
  CHECK(c.out.count("reply") == 10);
}

// Pins §12.10.
TEST_CASE("errors of more than a minute ago do not count") {
  client c;
  for (int i = 0; i < 30; ++i) {
    c.say("{");
    c.out.at += 7s;
  }
  CHECK(c.out.count("close") == 0);
}

// Pins §12.5, §12.12, §12.13, §12.14.
TEST_CASE("messages beyond the rate are dropped and told, and a flood is closed") {
  node_options o;
  o.connections.messages_per_second = 10;
  o.connections.burst_messages = 5;
  client c{encoding::v1_json, o};
  for (int i = 0; i < 5; ++i)
    c.say(R"({"type":"ping"})");
  CHECK(c.out.count("reply") == 5);
  c.say(R"({"type":"ping"})");
  CHECK(c.out.has("rate_limited"));
  CHECK(c.out.has(R"("retryAfterMs":100)"));
  c.say(R"({"type":"ping"})");
  CHECK(c.out.count("reply") == 6);
  for (int i = 0; i < 20; ++i)
    c.say(R"({"type":"ping"})");
  CHECK(c.out.has("close flood"));
}

// Pins §12.14.
TEST_CASE("a command beyond the rate is answered if it has a ref") {
  node_options o;
  o.connections.messages_per_second = 1;
  o.connections.burst_messages = 2;
  client c{encoding::v1_json, o};
  for (int i = 0; i < 5; ++i)
    c.say(R"({"type":"ping","ref":)" + std::to_string(i) + "}");

  CHECK(c.out.has(R"("ref":2,"request":"ping","code":"rate_limited")"));
  CHECK(c.out.has(R"("ref":4,"request":"ping","code":"rate_limited")"));
}

// Pins §12.9.
TEST_CASE("ten faulty messages of any kind close the connection") {
  auto [kind, faulty] = GENERATE(table<std::string, std::string>({
    {"malformed", "{"},
    {"bad_request", R"({"type":1})"},
    {"bad_payload", R"({"type":"x","a":"\ud800"})"},
    {"bad_room", R"({"type":"join","roomId":""})"},
    {"unauthorized", R"({"type":"auth","token":"x"})"},
  }));
  INFO(kind);
  node_options o;
  o.verify_token = [](std::string_view, wall_time) { return claims_ptr{}; };
  client c{encoding::v1_json, o};
  for (int i = 0; i < 9; ++i)
    c.say(faulty);
  CHECK(c.out.count("close") == 0);
  c.say(faulty);

  CHECK(c.out.count("reply") == 10);
  CHECK(c.out.has(kind));
  CHECK(c.out.has("close too_many_errors"));
}

// Pins §12.11.
TEST_CASE("what a room refuses, and what is no fault of the message, does not count") {
  node_options o;
  o.verify_token = [](std::string_view token, wall_time) {
    claims someone_else;
    someone_else.subject = token;
    return std::make_shared<const claims>(someone_else);
  };
  o.connections.max_rooms = 2;
  client c{encoding::v1_json, o};
  c.enter("a", 1);
  for (int i = 0; i < 10; ++i) {
    c.say(R"({"type":"message","roomId":"b","text":"x"})");
    c.say(R"({"type":"leave","roomId":"b"})");
    c.say(R"({"type":"direct","to":"x","text":"y"})");
    c.say(R"({"type":"auth","token":"eve"})");
    c.say(R"({"type":"join","roomId":"b"})");
    c.refuse(c.out.last_ticket, errc::bad_request);
  }
  c.enter("b", 2);
  for (int i = 0; i < 10; ++i)
    c.say(R"({"type":"join","roomId":"c"})");

  CHECK(c.out.count("close") == 0);
  for (auto* code :
       {"forbidden", "not_joined", "unsupported", "identity_mismatch", "bad_request", "room_limit"})
    CHECK(c.out.has('"' + std::string{code} + '"'));
}

// Pins §12.15.
TEST_CASE("a flood is more than twice the burst dropped before the bucket is half full again") {
  auto [pause, taken] = GENERATE(table<std::chrono::milliseconds, int>({{200ms, 2}, {400ms, 4}}));
  auto was_half_full = taken == 4; // 4 of 5, and still 3 after the first message
  node_options o;
  o.connections.messages_per_second = 10;
  o.connections.burst_messages = 5;
  client c{encoding::v1_json, o};
  auto say = [&](int times) {
    for (int i = 0; i < times; ++i)
      c.say(R"({"type":"ping"})");
  };
  say(5 + 10);
  CHECK(c.out.count("close") == 0);
  c.out.at += pause;
  say(taken);
  CHECK(c.out.count("close") == 0);
  say(1);
  CHECK(c.out.has("close flood") != was_half_full);
  say(9);
  CHECK(c.out.has("close flood") != was_half_full);
  say(1);
  CHECK(c.out.has("close flood"));
}
