// How rooms begin and let clients in, and how clients of one room change rooms, in whole nodes on
// loops that the test runs.

#include "scripted_rooms.hpp"

#include "support/noted_log.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::actors;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;
using stage = scripted_rooms;

// -- beginnings -----------------------------------------------------------------------------------

// Pins §4.19.
TEST_CASE("a room whose only joiner was refused ends") {
  stage s;
  s.script.authorize = [](auto&, auto&) { return join_decision::refuse("no"); };
  auto ann = s.connect("ann");
  ann->join("r");
  s.world.settle();

  CHECK(stage::any(stage::heard(*ann), "forbidden"));
  CHECK(s.script.made == 1);
  CHECK(s.script.alive == 0);
}

// Pins §10.14.
TEST_CASE("what a client said before it vanished takes effect in a room of another loop, whichever "
          "runs first") {
  stage s{2};
  auto room = s.world.room_on(1);
  auto ben = s.connect("ben", encoding::v1_json, 1);
  ben->join(room);
  s.world.settle();
  (void)stage::heard(*ben);
  auto run = [&](unsigned loop) {
    while (s.world.node.loop(loop).run_turn()) {}
  };
  auto ann = s.connect("ann");
  ann->join(room);
  for (auto* text : {"one", "two", "three"})
    ann->publish(room, text);
  if (GENERATE(true, false))
    run(0); // the join is on its way
  ann->session.disconnect();
  for (unsigned turn = 0; turn < 4; ++turn) {
    run(1);
    run(0);
  }
  s.world.settle();

  auto heard = stage::heard(*ben);
  CAPTURE(heard);
  REQUIRE(heard.size() == 5);
  CHECK(heard[0].find("userJoined") != std::string::npos);
  CHECK(heard[1].find("one") != std::string::npos);
  CHECK(heard[2].find("two") != std::string::npos);
  CHECK(heard[3].find("three") != std::string::npos);
  CHECK(heard[4].find("userLeft") != std::string::npos);
}

TEST_CASE("no room is left behind by joiners that vanish on the way, however often") {
  stage s{2};
  auto room = s.world.room_on(1);
  auto run = [&](unsigned loop) {
    while (s.world.node.loop(loop).run_turn()) {}
  };
  for (int i = 0; i < 5; ++i) {
    auto ann = s.connect("ann");
    ann->join(room);
    run(0);
    ann->session.disconnect();
    run(0);
    s.world.settle();
    s.world.clock.advance(9500ms);
    s.world.settle();
  }
  CHECK(s.world.node.stats().rooms == 0);
  CHECK(s.script.alive == 0);
  CHECK(s.script.made == 5);
}

// Pins §4.20.
TEST_CASE("a room that fails while it is made is tried three times, then its joiners are told") {
  stage s;
  s.script.create = [](auto&) { throw std::runtime_error{"no disk"}; };
  auto ann = s.connect("ann");
  ann->say(R"({"type":"join","roomId":"r","ref":1})");
  s.world.settle();

  CHECK(s.script.made == 3);
  auto heard = stage::heard(*ann);
  REQUIRE(heard.size() == 1);
  CHECK(stage::any(heard, R"("ref":1,"request":"join","roomId":"r","code":"room_closed")"));
  CHECK(s.world.node.stats().rooms == 0);
}

TEST_CASE(
  "a room that ends itself while it is made is tried three times, then its joiners are told") {
  stage s;
  s.script.create = [](room_context& r) { r.end(); };
  auto ann = s.connect("ann");
  ann->say(R"({"type":"join","roomId":"r","ref":1})");
  s.world.settle();

  CHECK(s.script.made == 3);
  auto heard = stage::heard(*ann);
  REQUIRE(heard.size() == 1);
  CHECK(stage::any(heard, R"("ref":1,"request":"join","roomId":"r","code":"room_closed")"));
  CHECK(s.world.node.stats().rooms == 0);
}

TEST_CASE("who asks to enter a room that ends while it decides enters its successor") {
  stage s;
  auto ann = s.connect("ann"), bob = s.connect("bob");
  ann->join("r");
  s.world.settle();
  (void)stage::heard(*ann);
  s.script.authorize = [&](room_context& r, const member&) {
    if (s.script.made == 1)
      r.end();
    return join_decision::accept();
  };
  bob->say(R"({"type":"join","roomId":"r","ref":2})");
  s.world.settle();

  CHECK(s.script.made == 2);
  CHECK(s.script.ends == strings{"ann closed", "close"});
  auto of_ann = stage::heard(*ann), of_bob = stage::heard(*bob);
  CHECK(of_ann.size() == 1);
  CHECK(stage::any(of_ann, "roomClosed"));
  REQUIRE(of_bob.size() == 1);
  CHECK(stage::any(of_bob, R"("type":"joined")"));
  CHECK(stage::any(of_bob, R"("ref":2)"));
}

TEST_CASE("an actor that enters a room that fails while it is made is refused in the end") {
  manual_node world{stage::options(1)};
  int made = 0;
  world.node.rooms("*", [&](auto) -> std::unique_ptr<room_behavior> {
    ++made;
    throw std::runtime_error{"no disk"};
  });
  caf::scoped_actor self{world.system};
  world.node.observe("r", caf::actor_cast<caf::actor>(self));
  world.settle();

  auto last = room_event::kind::joined;
  self->receive([&](const room_event& e) { last = e.what; }, caf::after(0s) >> [] {});
  CHECK(last == room_event::kind::refused);
  CHECK(made == 3);
  CHECK(world.node.stats().rooms == 0);
}

// Pins §4.20.
TEST_CASE("a join that a room fails over is refused, those behind it enter a successor") {
  stage s;
  s.script.join = [](auto&, const member& m) {
    if (m.user_id == "bad")
      throw std::runtime_error{"bad"};
  };
  auto bad = s.connect("bad"), ann = s.connect("ann");
  s.world.node.loop(0).post([&] { // both wait in one mailbox
    bad->say(R"({"type":"join","roomId":"r","ref":1})");
    ann->say(R"({"type":"join","roomId":"r","ref":2})");
  });
  s.world.settle();

  CHECK(stage::any(stage::heard(*ann), R"("type":"joined","ref":2)"));
  auto heard = stage::heard(*bad);
  CHECK(stage::any(heard, R"("ref":1)"));
  CHECK(stage::any(heard, "roomClosed"));
  CHECK(s.script.made == 2);
  CHECK(s.world.node.stats().members == 1);
}

// Pins that a behaviour's `room_closed` answers the join. After the `room_closed` of an ending
// room, the join would wait for the successor.
TEST_CASE("a join that its room refuses as closed is answered, and the room lives on") {
  stage s{1};
  s.script.authorize = [](auto&, auto& who) {
    return who.user_id == "ben" ? join_decision::refuse(protocol::errc::room_closed, "not today")
                                : join_decision::accept();
  };
  auto ann = s.connect("ann"), ben = s.connect("ben");
  ann->join("arena:1");
  s.world.settle();
  ben->join("arena:1");
  s.world.settle();
  auto refused = ben->heard("error", "code");
  ann->publish("arena:1", "here");
  s.world.settle();

  CHECK(refused == strings{"room_closed"});
  CHECK(ann->heard("message", "text") == strings{"here"});
}

TEST_CASE(
  "what a room's factory throws is logged with the room's name, and that it was being made") {
  noted_log log;
  auto options = stage::options(1);
  options.log = &log;
  manual_node world{options};
  world.node.rooms(
    "bad*", [](auto) -> std::unique_ptr<room_behavior> { throw std::runtime_error{"no map"}; });
  client ann{world, encoding::v1_json, 0, actors::outbox::bounds{}, "ann"};
  ann.join("bad1");
  world.settle();

  REQUIRE(!log.lines.empty());
  CHECK(log.lines.front() == "room: bad1 has crashed in its making: no map");
}

// -- clients of one room --------------------------------------------------------------------------

// Pins §4.25.
TEST_CASE("a client of one room is told joined of the new one, then left of the old one") {
  auto o = stage::options(2);
  o.connections.max_rooms = 1;
  stage s{o};
  auto old = s.world.room_on(0), next = s.world.room_on(1);
  auto ann = s.connect("ann"), bob = s.connect("bob");
  ann->join(old);
  bob->join(old);
  s.world.settle();
  (void)stage::heard(*ann);
  (void)stage::heard(*bob);

  ann->say(R"({"type":"join","roomId":")" + next + R"(","ref":1})");
  s.world.settle();

  auto heard = stage::heard(*ann);
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].find(R"({"type":"joined","ref":1,"roomId":")" + next + '"') == 0);
  CHECK(heard[1] == R"({"type":"left","roomId":")" + old + R"(","seq":0})");
  CHECK(stage::any(stage::heard(*bob), R"("reason":"left")"));
}

// Pins §4.28.
TEST_CASE("a plain client that its new room throws out is in no room, and knows it") {
  stage s;
  s.script.join = [](room_context& r, const member& m) {
    if (r.name() == "b")
      r.kick(m.key, "banned");
  };
  auto plain = s.connect("plain", encoding::plain_json), ann = s.connect("ann");
  ann->join("a");
  plain->join("a");
  s.world.settle();
  plain->join("b");
  s.world.settle();
  auto heard = stage::heard(*plain);
  CHECK(stage::any(heard, "banned"));
  CHECK(stage::any(stage::heard(*ann), R"("type":"userLeft","roomId":"a","userId":"plain")"));

  ann->publish("a", "can you hear me?");
  plain->say(R"({"type":"message","text":"hello?","ref":1})");
  s.world.settle();
  heard = stage::heard(*plain);
  CHECK_FALSE(stage::any(heard, "can you"));
  CHECK(stage::any(heard, R"("ref":1)"));
  CHECK(stage::any(heard, "not_joined"));
}

// Pins §4.28.
TEST_CASE(
  "a client of one room is in no room if its new room lets it in and fails over it, and knows it") {
  stage s;
  s.script.join = [](room_context& r, const member&) {
    if (r.name() == "b")
      throw std::runtime_error{"boom"};
  };
  auto plain = s.connect("plain", encoding::plain_json), ann = s.connect("ann");
  ann->join("a");
  plain->join("a");
  s.world.settle();
  plain->join("b");
  s.world.settle();
  CHECK(stage::any(stage::heard(*plain), "room_closed"));
  CHECK(stage::any(stage::heard(*ann), R"("type":"userLeft","roomId":"a","userId":"plain")"));

  ann->publish("a", "can you hear me?");
  plain->say(R"({"type":"message","text":"hello?","ref":1})");
  s.world.settle();
  auto heard = stage::heard(*plain);
  CHECK_FALSE(stage::any(heard, "can you"));
  CHECK(stage::any(heard, "not_joined"));
}

/// At each change of rooms the old room announces the leave. The credit of the join pays for that,
/// not the room's account.
TEST_CASE("a client that hops between rooms, or many that connect, do not end those rooms") {
  auto o = stage::options(2);
  o.rooms.max_pending_bytes = 2 * 1024;
  o.connections.credits = {4000, 1 << 24};
  o.lobby = "lobby";
  manual_node world{o};
  auto a = world.room_on(1), b = world.room_on(0);
  client plain{world, encoding::plain_json}, stays{world};
  stays.join(a);
  world.settle();
  for (int i = 0; i < 1000; ++i) {
    plain.join(a);
    plain.join(b);
  }
  std::deque<client> crowd;
  for (int i = 0; i < 300; ++i)
    crowd.emplace_back(world);
  world.settle();

  CHECK_FALSE(stage::any(stage::heard(stays), "roomClosed"));
  CHECK(world.node.stats().members == 1 + 1 + 1 + 300);
}

// Pins §3.15, §6.11.
TEST_CASE("each command of a plain client is answered, also if its room dies on another loop while "
          "it changes rooms") {
  auto quick = GENERATE(0U, 1U, 2U);
  auto kind = GENERATE(encoding::plain_json, encoding::v1_json);
  stage s{2};
  auto slow = s.world.room_on(1), other = s.world.room_on(0);
  auto client = s.connect("u", kind);
  client->join(slow);
  s.world.settle();
  (void)stage::heard(*client);

  client->say(R"({"type":"boom","ref":1})");
  client->say(R"({"type":"message","text":"hi","ref":2})");
  if (quick != 2)
    client->say(R"({"type":"leave","ref":3})");
  client->say(R"({"type":"join","roomId":")" + other + R"(","ref":4})");
  for (int i = 0; i < 10 && quick == 0; ++i)
    s.world.node.loop(0).run_turn();
  for (int i = 0; i < 10 && quick == 1; ++i)
    s.world.node.loop(1).run_turn();
  s.world.settle();

  auto heard = stage::heard(*client);
  auto answers = [&](int ref) {
    return std::count_if(heard.begin(), heard.end(), [&](auto& f) {
      return f.find("\"ref\":" + std::to_string(ref)) != std::string::npos;
    });
  };
  for (int ref = 1; ref <= 4; ++ref)
    if (ref != 3 || quick != 2)
      CHECK(answers(ref) == 1);
  CHECK(stage::any(heard, R"("type":"joined","ref":4)"));
}
