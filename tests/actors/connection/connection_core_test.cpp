#include "connection/connection_core.hpp"

#include "core_client.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::protocol::shared_bytes;
using client = troupe::test::core_client;
using namespace std::chrono_literals;

TEST_CASE("a troupe client is welcomed, a plain one is not") {
  client v1, plain{encoding::plain_json};
  v1.core->open();
  plain.core->open();

  CHECK(v1.out.has(R"("welcome")"));
  CHECK(plain.out.lines.empty());
}

// Pins §4.42.
TEST_CASE("a message without a room is answered not_joined") {
  client c;
  c.say(R"({"type":"message","text":"x","ref":7})");

  REQUIRE(c.out.lines.size() == 1);
  CHECK(c.out.has(R"("code":"not_joined")"));
  CHECK(c.out.has(R"("ref":7)"));
}

// Pins §4.42.
TEST_CASE("a message to a room that is not held is forbidden") {
  client c;
  c.enter("a", 1);
  c.say(R"({"type":"message","roomId":"b","text":"x"})");
  CHECK(c.out.has(R"("forbidden")"));
}

// Pins §4.49, §4.50, §10.10.
TEST_CASE("commands for a room whose join is pending wait, hold their credit, and run in order") {
  client c;
  auto account = std::make_shared<credit_account>(credit_limits{});
  c.say(R"({"type":"join","roomId":"a"})");
  auto ticket = c.out.last_ticket;
  c.say(R"({"type":"message","roomId":"a","text":"1"})", account->take(1));
  c.say(R"({"type":"message","text":"2"})", account->take(1));
  c.say(R"({"type":"ping"})");
  CHECK(c.out.count("publish") == 0);
  CHECK(c.out.has(R"("pong")"));
  CHECK(account->held_messages() == 2);

  c.accept(ticket, 1);

  REQUIRE(c.out.count("publish") == 2);
  CHECK(c.out.lines[c.out.lines.size() - 2].find("\"1\"") != std::string::npos);
  CHECK(c.out.lines.back().find("\"2\"") != std::string::npos);
}

// Pins §4.52, §10.2.
TEST_CASE("leave, join and message that wait for one join take effect in order") {
  client c;
  c.say(R"({"type":"join","roomId":"a"})");
  auto ticket = c.out.last_ticket;
  c.say(R"({"type":"leave","roomId":"a"})");
  c.say(R"({"type":"join","roomId":"a"})");
  c.say(R"({"type":"message","roomId":"a","text":"x"})");
  c.accept(ticket, 1);
  CHECK(c.out.count("leave") == 1);
  CHECK(c.out.count("publish") == 0);

  c.accept(c.out.last_ticket, 1);

  CHECK(c.out.count("publish") == 1);
}

// Pins §4.24.
TEST_CASE("a refused join is answered, and what waited for it runs") {
  client c;
  c.say(R"({"type":"join","roomId":"a","ref":"r"})");
  c.say(R"({"type":"message","text":"x","ref":"m"})");
  c.refuse(c.out.last_ticket, errc::room_full);

  CHECK(c.out.has(R"("code":"room_full")"));
  CHECK(c.out.has(R"("ref":"r")"));
  CHECK(c.out.has(R"("not_joined")"));
}

// Pins §4.47.
TEST_CASE("the default room is the latest join that still holds") {
  client c;
  c.enter("a", 1);
  c.enter("b", 2);
  c.say(R"({"type":"leave"})");
  c.say(R"({"type":"message","text":"to a"})");
  CHECK(c.out.count("publish") == 1);
  c.say(R"({"type":"leave","roomId":"a"})");
  c.say(R"({"type":"message","text":"to nobody"})");
  CHECK(c.out.count("publish") == 1);
}

// Pins §4.16, §4.25.
TEST_CASE("a plain client's join leaves the old room once the new one has accepted") {
  client c{encoding::plain_json};
  c.enter("a", 1);
  c.say(R"({"type":"join","roomId":"b"})");
  CHECK(c.out.lines.back() == "await_handled"); // first `a` must have handled what was said there
  c.core->on_handled(c.out.last_ticket, true);
  CHECK(c.out.lines.back() == "join b");
  CHECK(c.out.count("leave") == 0);

  c.accept(c.out.last_ticket, 2);

  CHECK(c.out.count("leave") == 1);
  CHECK(c.core->rooms() == 1);
}

// Pins §4.27.
TEST_CASE("a plain client's join waits also for the room that it has just left") {
  client c{encoding::plain_json};
  c.enter("a", 1);
  c.say(R"({"type":"message","text":"x","ref":1})");
  c.say(R"({"type":"leave","ref":2})");
  c.say(R"({"type":"join","roomId":"b","ref":3})");
  CHECK(c.out.lines.back() == "await_handled");

  c.core->on_handled(c.out.last_ticket, true);

  CHECK(c.out.lines.back() == "join b");
  CHECK_FALSE(c.out.has("room_closed")); // the room answers itself
}

/// For a client in one room at a time, the dispatcher does not tell that the previous room ended.
// Pins §4.27.
TEST_CASE(
  "what a room did not live to answer is answered before a plain client is in the next one") {
  client c{encoding::plain_json};
  c.enter("a", 1);
  c.say(R"({"type":"message","text":"x","ref":1})");
  bool left = GENERATE(false, true);
  if (left)
    c.say(R"({"type":"leave","ref":2})");
  c.say(R"({"type":"join","roomId":"b","ref":3})");
  auto ticket = c.out.last_ticket;

  c.core->on_handled(ticket, false);

  CHECK(c.out.has(R"("ref":1,"request":"message")"));
  CHECK(c.out.has(R"("ref":2,"request":"leave")") == left);
  CHECK(c.out.lines.back() == "join b");
  c.accept(ticket, 2);
  CHECK(c.core->rooms() == 1);
  CHECK(c.out.count("leave") == (left ? 1 : 0));
}

// Pins §4.28.
TEST_CASE("a client of one room that is thrown out by its new one is in none") {
  client c{encoding::plain_json};
  c.enter("a", 1);
  c.say(R"({"type":"join","roomId":"b"})");
  c.core->on_handled(c.out.last_ticket, true);

  c.core->on_joined({c.out.last_ticket, {errc::ok, {}, {}}, {}});

  CHECK(c.out.count("leave") == 1);
  CHECK(c.core->rooms() == 0);
  c.say(R"({"type":"message","text":"hello?","ref":7})");
  CHECK(c.out.has(R"("not_joined")"));
}

// Pins §4.15.
TEST_CASE("a bad room name is refused") {
  client c;
  c.say("{\"type\":\"join\",\"roomId\":\" a\"}");
  CHECK(c.out.has("bad_room"));
}

// Pins §10.15.
TEST_CASE("when a room closes, every open ref of it is answered and the room is no longer held") {
  client c;
  c.enter("a", 1);
  c.say(R"({"type":"message","text":"x","ref":1})");
  c.say(R"({"type":"message","text":"y"})");

  c.core->on_membership_lost(membership_lost{room_key{1, 1}});

  CHECK(c.out.has(R"("code":"room_closed")"));
  CHECK(c.out.has(R"("ref":1)"));
  CHECK(c.core->rooms() == 0);
  auto before = c.out.lines.size();
  c.core->on_membership_lost(membership_lost{room_key{1, 1}});
  CHECK(c.out.lines.size() == before);
}

TEST_CASE("a leave that the room did not live to answer is answered when the room closes") {
  client c;
  c.enter("a", 1);
  c.say(R"({"type":"leave","ref":9})");
  c.core->on_membership_lost(membership_lost{room_key{1, 1}});
  CHECK(c.out.has(R"("ref":9)"));
}

TEST_CASE("a text message on a MessagePack connection closes it") {
  client c{encoding::v1_msgpack};
  c.say(R"({"type":"ping"})");
  CHECK(c.out.has("close wrong_frame_type"));
}

// Pins §4.63, §4.49.
TEST_CASE("presence asks the room that it names, or the default one, behind a pending join") {
  client c;
  c.say(R"({"type":"presence","ref":1})");
  CHECK(c.out.has(R"("ref":1,"request":"presence","code":"not_joined")"));
  c.enter("a", 1);
  c.say(R"({"type":"presence","roomId":"b","ref":2})");
  CHECK(c.out.has(R"("ref":2,"request":"presence","roomId":"b","code":"forbidden")"));

  c.say(R"({"type":"join","roomId":"b"})");
  auto ticket = c.out.last_ticket;
  c.say(R"({"type":"presence","roomId":"b","after":"ann","limit":3})");
  c.say(R"({"type":"presence","roomId":"a"})");
  CHECK(c.out.lines.back() == "ask behind '' for 100");
  c.accept(ticket, 2);

  CHECK(c.out.lines.back() == "ask behind 'ann' for 3");
}

// Pins §4.68, §4.49.
TEST_CASE("a profile goes to the room that it names, or the default one, behind a pending join") {
  client c;
  c.say(R"({"type":"$profile","profile":{},"ref":1})");
  CHECK(c.out.has(R"("ref":1,"request":"$profile","code":"not_joined")"));
  c.enter("a", 1);
  c.say(R"({"type":"$profile","roomId":"b","profile":{},"ref":2})");
  CHECK(c.out.has(R"("ref":2,"request":"$profile","roomId":"b","code":"forbidden")"));

  c.say(R"({"type":"join","roomId":"b"})");
  auto ticket = c.out.last_ticket;
  c.say(R"({"type":"$profile","roomId":"b","profile":{"n":1}})");
  c.say(R"({"type":"$profile","roomId":"a","profile":{"n":2}})");
  CHECK(c.out.count("publish") == 1);
  CHECK(c.out.lines.back().find(R"({"n":2})") != std::string::npos);
  c.accept(ticket, 2);

  CHECK(c.out.count("publish") == 2);
  CHECK(c.out.lines.back().find(R"({"n":1})") != std::string::npos);
}

// Pins §4.165, §4.49.
TEST_CASE("a reply goes to the room that it names, or the default one, behind a pending join") {
  client c;
  c.say(R"({"type":"$reply","requestId":"1","data":1,"ref":1})");
  CHECK(c.out.has(R"("ref":1,"request":"$reply","code":"not_joined")"));
  c.enter("a", 1);
  c.say(R"({"type":"$reply","roomId":"b","requestId":"1","data":1,"ref":2})");
  CHECK(c.out.has(R"("ref":2,"request":"$reply","roomId":"b","code":"forbidden")"));

  c.say(R"({"type":"join","roomId":"b"})");
  auto ticket = c.out.last_ticket;
  c.say(R"({"type":"$reply","roomId":"b","requestId":"1","data":1})");
  c.say(R"({"type":"$reply","roomId":"a","requestId":"1","data":2})");
  CHECK(c.out.count("publish") == 1);
  CHECK(c.out.lines.back().find(R"("data":2})") != std::string::npos);
  c.accept(ticket, 2);

  CHECK(c.out.count("publish") == 2);
  CHECK(c.out.lines.back().find(R"("data":1})") != std::string::npos);
}

// Pins §4.84, §4.49.
TEST_CASE("history asks the room that it names, or the default one, behind a pending join") {
  client c;
  c.say(R"({"type":"history","ref":1})");
  CHECK(c.out.has(R"("ref":1,"request":"history","code":"not_joined")"));
  c.enter("a", 1);
  c.say(R"({"type":"history","roomId":"b","ref":2})");
  CHECK(c.out.has(R"("ref":2,"request":"history","roomId":"b","code":"forbidden")"));

  c.say(R"({"type":"join","roomId":"b"})");
  auto ticket = c.out.last_ticket;
  c.say(R"({"type":"history","roomId":"b","after":7,"limit":3})");
  c.say(R"({"type":"history","roomId":"a","before":18446744073709551615})");
  CHECK(c.out.lines.back() == "recall - to 18446744073709551615 for 100");
  c.accept(ticket, 2);

  CHECK(c.out.lines.back() == "recall 7 to - for 3");
}

// Pins §4.143.
TEST_CASE("what the server is not set up for is unsupported") {
  client c;
  c.enter("a", 1);
  for (auto* text :
       {R"({"type":"direct","to":"x","text":"y"})", R"({"type":"auth","token":"x"})"}) {
    INFO(text);
    auto before = c.out.count("reply");
    c.say(text);
    CHECK(c.out.count("reply") == before + 1);
    CHECK(c.out.lines.back().find("unsupported") != std::string::npos);
  }
  CHECK(c.out.count("publish") == 0);
}

// Pins §4.10, §4.126.
TEST_CASE("a message is passed on as what it is, and one that is the latest by its key") {
  client c;
  c.enter("a", 1);
  for (auto* more :
       {"", R"(,"delivery":"reliable","key":"k")", R"(,"delivery":"volatile","key":"k")",
        R"(,"delivery":"latest")", R"(,"delivery":"latest","key":"k")",
        R"(,"delivery":"latest","key":"\u006b")", R"(,"delivery":"latest","key":"l")"})
    c.say(R"({"type":"message","text":"x","id":1)" + std::string{more} + '}');
  c.say(R"({"type":"binary","data":{"$bin":"AAEC"},"delivery":"latest","key":"k"})");
  c.say(R"({"type":"message","text":"x","delivery":"latest","key":7})");

  auto& in = c.out.inputs;
  REQUIRE(in.size() == 8);
  for (std::size_t i = 0; i < in.size(); ++i) {
    INFO(i);
    CHECK(in[i].is_volatile == (i >= 2));
    CHECK((in[i].value != 0) == (i >= 3));
    CHECK((in[i].id != 0) == (i < 2));
  }
  CHECK(in[4].value != in[3].value);
  CHECK(in[5].value == in[4].value);
  CHECK(in[6].value != in[4].value);
  CHECK(in[7].value == in[4].value);
  CHECK(c.out.lines.back().find("bad_request") != std::string::npos);
}

TEST_CASE("a binary message of MessagePack waits for the join before it") {
  client c{encoding::v1_msgpack};
  auto say = [&](std::string_view json) {
    std::string packed;
    troupe::protocol::transcode(troupe::protocol::codec::json, json,
                                troupe::protocol::codec::msgpack, packed);
    c.core->on_message({shared_bytes::copy_of(packed), true, {}});
  };

  say(R"({"type":"join","roomId":"a"})");
  say(R"({"type":"binary","data":{"$bin":"AAEC"}})");
  CHECK(c.out.count("publish") == 0);
  c.accept(c.out.last_ticket, 1);

  CHECK(c.out.count("publish") == 1);
}

// Pins §4.48, §4.49.
TEST_CASE("a command that names a room does not overtake a waiting one that may mean it") {
  client c;
  c.enter("held", 1);
  c.say(R"({"type":"join","roomId":"full"})");
  c.say(R"({"type":"message","text":"first"})");
  c.say(R"({"type":"message","roomId":"held","text":"second"})");
  CHECK(c.out.count("publish") == 0);

  c.refuse(c.out.last_ticket, errc::room_full);

  REQUIRE(c.out.count("publish") == 2);
  auto is_publish = [](auto& line) { return line.starts_with("publish"); };
  auto first = std::find_if(c.out.lines.begin(), c.out.lines.end(), is_publish);
  CHECK(first->find("first") != std::string::npos);
}

// Pins §9.7.
TEST_CASE("an answer does not repeat a room that cannot be one") {
  client c;
  c.say(R"({"type":"message","roomId":")" + std::string(200, 'x') + R"("})");

  CHECK(c.out.has("bad_request"));
  CHECK_FALSE(c.out.has("xxx"));
}

// Pins §9.7.
TEST_CASE("an answer repeats the room of a command only if that is short, whatever the answer") {
  auto bytes = GENERATE(128, 129);
  std::string room(static_cast<std::size_t>(bytes), 'x');
  auto told = R"("roomId":")" + room + '"';
  node_options o;
  o.connections.messages_per_second = 1;
  o.connections.burst_messages = 1;
  client c{encoding::v1_json, o};
  c.say(R"({"type":"message","ref":1,"text":"t","roomId":")" + room + R"("})");
  CHECK(c.out.has("forbidden"));
  CHECK(c.out.has(told) == (bytes == 128));
  c.out.lines.clear();
  c.say(R"({"type":"message","ref":2,"text":"t","roomId":")" + room + R"("})");
  CHECK(c.out.has("rate_limited"));
  CHECK(c.out.has(told) == (bytes == 128));
}

// Pins §10.14.
TEST_CASE("what was said behind a pending join takes effect although the peer has gone") {
  client c;
  c.say(R"({"type":"join","roomId":"a"})");
  c.say(R"({"type":"message","text":"last words"})");
  c.core->end_input();
  CHECK_FALSE(c.core->finished());

  c.accept(c.out.last_ticket, 1);

  CHECK(c.out.count("publish") == 1);
  CHECK(c.core->finished());
}

// Pins §10.14.
TEST_CASE("what was said behind a pending join takes effect although a fault behind it closes") {
  client c;
  c.say(R"({"type":"join","roomId":"a"})");
  c.say(R"({"type":"message","text":"before"})");
  for (int i = 0; i < 10; ++i)
    c.say("{");
  REQUIRE(c.out.has("close too_many_errors"));
  c.say(R"({"type":"message","text":"behind the close"})");
  c.core->end_input();
  CHECK_FALSE(c.core->finished());

  c.accept(c.out.last_ticket, 1);

  CHECK(c.out.count("publish") == 1);
  CHECK(c.core->finished());
}

// Pins §10.14, §13.12.
TEST_CASE("a fault that itself waited ends what takes effect") {
  client c;
  for (int i = 0; i < 9; ++i)
    c.say("{");
  c.say(R"({"type":"join","roomId":"a"})");
  c.say(R"({"type":"message","text":"before"})");
  c.say(R"({"type":"join","roomId":"a","profile":1})"); // decoded at once, and refused
  c.say(R"({"type":"message","text":"behind the close"})");

  c.accept(c.out.last_ticket, 1);

  CHECK(c.out.has("close too_many_errors"));
  CHECK(c.out.count("publish") == 1);
}

TEST_CASE("what waits for a join when the token expires takes no effect") {
  client c;
  c.say(R"({"type":"join","roomId":"a"})");
  c.say(R"({"type":"message","text":"waits"})");
  c.core->end(errc::token_expired);
  c.core->end_input();
  CHECK(c.core->finished());

  c.core->leave_all(leave_reason::disconnected);
  c.accept(c.out.last_ticket, 1);

  CHECK(c.out.count("publish") == 0);
}

/// A second join of a room waits for the first one. So the room is asked later than another room
/// that was joined after it.
// Pins §4.23, §4.47.
TEST_CASE("the default room is the join that was sent last, also if one before it has waited") {
  client c;
  c.say(R"({"type":"join","roomId":"a"})");
  auto first_of_a = c.out.last_ticket;
  c.say(R"({"type":"join","roomId":"a"})");
  c.say(R"({"type":"join","roomId":"b"})");
  auto of_b = c.out.last_ticket;
  c.accept(first_of_a, 1);
  auto second_of_a = c.out.last_ticket;
  c.accept(of_b, 2);
  c.accept(second_of_a, 1);

  c.out.lines.clear();
  c.say(R"({"type":"leave"})");
  c.say(R"({"type":"message","roomId":"a","text":"still in"})");
  c.say(R"({"type":"message","roomId":"b","text":"no more"})");

  CHECK(c.out.count("leave") == 1);
  CHECK(c.out.count("publish") == 1);
  CHECK(c.out.has(R"("forbidden")"));
}

// Pins §4.47.
TEST_CASE("the default room is the join that was sent last, whichever was answered first") {
  client c;
  c.say(R"({"type":"join","roomId":"first"})");
  auto first = c.out.last_ticket;
  c.say(R"({"type":"join","roomId":"second"})");
  auto second = c.out.last_ticket;
  c.accept(second, 2);
  c.accept(first, 1);

  c.out.lines.clear();
  c.say(R"({"type":"leave"})");
  c.say(R"({"type":"message","roomId":"first","text":"still in"})");

  CHECK(c.out.count("leave") == 1);
  CHECK(c.out.count("publish") == 1);
}

// Pins §4.20.
TEST_CASE("a join that was let in before its room died is answered once") {
  client c;
  c.say(R"({"type":"join","roomId":"a","ref":1})");
  c.out.requests.back().ref->answered = true; // the room answered, then threw

  c.refuse(c.out.last_ticket, errc::room_closed);

  CHECK_FALSE(c.out.has("room_closed"));
}

TEST_CASE("a client that goes takes its pending join back behind it, and leaves what it holds") {
  client c;
  c.enter("held", 1);
  c.say(R"({"type":"join","roomId":"pending"})");
  c.out.lines.clear();

  c.core->leave_all(leave_reason::disconnected);

  CHECK(c.out.lines == std::vector<std::string>{"leave", "leave behind the join of pending"});
}

TEST_CASE("a goodbye comes after all that the rooms have said") {
  client c;
  c.enter("a", 1);
  c.enter("b", 2);
  c.out.lines.clear();

  c.core->say_goodbye(true);

  REQUIRE(c.out.lines.size() == 2);
  CHECK(c.out.lines[0].starts_with("behind 1 2 "));
  CHECK(c.out.lines[0].find("goodbye") != std::string::npos);
  CHECK(c.out.lines[1] == "close restart");
}

// Pins §5.13.
TEST_CASE("a goodbye tells when to come back as configured, and of a shutdown nothing of it") {
  node_options o;
  o.reconnect_min = 1200ms;
  o.reconnect_max = 34s;
  client restarts{encoding::v1_json, o}, stops{encoding::v1_json, o};

  restarts.core->say_goodbye(true);
  stops.core->say_goodbye(false);

  CHECK(
    restarts.out.has(R"({"type":"goodbye","reason":"restart","reconnectAfterMs":[1200,34000]})"));
  CHECK(stops.out.has(R"({"type":"goodbye","reason":"shutdown"})"));
  CHECK(stops.out.lines.back() == "close shutdown");
}

// -- what waits, and what does not ----------------------------------------------------------------

// Pins §4.51.
TEST_CASE("while a client of one room changes rooms all its room commands wait") {
  client c{encoding::plain_json};
  c.enter("a", 1);
  c.say(R"({"type":"join","roomId":"b"})");
  c.core->on_handled(c.out.last_ticket, true);
  c.say(R"({"type":"message","roomId":"a","text":"in the old room"})");
  c.say(R"({"type":"dance","roomId":"a"})");
  c.say(R"({"type":"leave","roomId":"a"})");
  c.say(R"({"type":"message","text":"in the new one"})");
  CHECK(c.out.count("publish") == 0);
  CHECK(c.out.count("leave") == 0);

  c.accept(c.out.last_ticket, 2);

  REQUIRE(c.out.count("publish") == 1);
  CHECK(c.out.has(R"(publish {"type":"message","text":"in the new one"})"));
}

// Pins §4.53.
TEST_CASE("what is no room command does not wait for a join") {
  client c;
  c.say(R"({"type":"join","roomId":"a"})");
  for (auto* text : {R"({"type":"ping"})", R"({"type":"direct","to":"x","text":"y"})",
                     R"({"type":"resume","resume":"x"})", R"({"type":"auth","token":"x"})"}) {
    INFO(text);
    auto before = c.out.count("reply");
    c.say(text);
    CHECK(c.out.count("reply") == before + 1);
  }
}

// Pins §4.44.
TEST_CASE("an application's command needs a held room as a message does") {
  client c;
  c.say(R"({"type":"dance"})");
  CHECK(c.out.lines.back().find(R"("not_joined")") != std::string::npos);
  c.enter("a", 1);
  c.say(R"({"type":"dance","roomId":"b"})");

  CHECK(c.out.lines.back().find(R"("forbidden")") != std::string::npos);
  CHECK(c.out.count("publish") == 0);
}

// Pins §9.6.
TEST_CASE("a name that no room can have is simply not held by other commands than join") {
  client c;
  c.enter("a", 1);
  c.say(R"({"type":"message","roomId":" a","text":"x"})");
  CHECK(c.out.lines.back().find(R"("forbidden")") != std::string::npos);
  c.say(R"({"type":"leave","roomId":" a"})");
  CHECK(c.out.lines.back().find(R"("not_joined")") != std::string::npos);
  CHECK_FALSE(c.out.has("bad_room"));
}

// -- coming back ----------------------------------------------------------------------------------

// Pins §4.8.
TEST_CASE("a join says where the client left off, as who, and who it is now") {
  client c;
  c.core->open();
  auto former = client_id{7, 8};
  c.say(R"({"type":"join","roomId":"a","since":{"epoch":"e\u0031","seq":18446744073709551615,)"
        R"("clientId":")"
        + to_text(former) + R"("}})");
  c.say(R"({"type":"join","roomId":"b","since":{"epoch":"e2","seq":3}})");
  c.say(R"({"type":"join","roomId":"c","since":{"epoch":"","seq":0,"clientId":"nobody's"}})");
  c.say(R"({"type":"join","roomId":"d"})");

  REQUIRE(c.out.requests.size() == 4);
  auto &a = c.out.requests[0], &b = c.out.requests[1], &other = c.out.requests[2],
       &none = c.out.requests[3];
  CHECK(a.since->epoch == "e1");
  CHECK(a.since->seq == ~std::uint64_t{0});
  CHECK(a.since->client == former);
  CHECK(b.since->epoch == "e2");
  CHECK_FALSE(b.since->client);
  CHECK_FALSE(other.since->client);
  CHECK(none.since == nullptr);
  CHECK(a.client);
  CHECK(a.client == none.client);
  CHECK(c.out.has(to_text(a.client))); // in `welcome`
  CHECK(a.since->account == b.since->account);
}

TEST_CASE("one join at a time brings what was missed along, and only while little is queued") {
  client c;
  auto bytes = [&] { return c.out.requests.back().since->first_slice_bytes; };
  auto join = [&](const std::string& room) {
    c.say(R"({"type":"join","roomId":")" + room + R"(","since":{"epoch":"e","seq":3}})");
    return bytes();
  };

  auto first = join("a");
  auto ticket = c.out.last_ticket;
  auto second = join("b");
  auto ticket_of_second = c.out.last_ticket;
  c.accept(ticket, 1);
  auto third = join("c");
  c.accept(c.out.last_ticket, 3);
  c.accept(ticket_of_second, 2);
  auto fourth = join("d");
  c.accept(c.out.last_ticket, 4);
  c.out.queued = 16 * 1024 + 1;
  auto fifth = join("e");

  CHECK(first == 64 * 1024);
  CHECK(second == 0);
  CHECK(third == 0);
  CHECK(fourth == 64 * 1024);
  CHECK(fifth == 0);
}
