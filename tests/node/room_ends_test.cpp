// How rooms end, and whom they tell, in whole nodes on loops that the test runs.

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

TEST_CASE("a room that is kept when it is empty is kept after a refused first join, too, and ends "
          "from outside") {
  room_options keep;
  keep.keep_when_empty = true;
  stage s{1, keep};
  s.script.authorize = [](auto&, const member& m) {
    return m.user_id == "bad" ? join_decision::refuse("no") : join_decision::accept();
  };
  auto bad = s.connect("bad"), good = s.connect("good");
  bad->join("r");
  s.world.settle();
  s.world.clock.advance(1h);
  s.world.settle();
  CHECK(s.script.alive == 1);

  good->join("r");
  s.world.settle();
  good->say(R"({"type":"leave","roomId":"r"})");
  s.world.settle();
  CHECK(s.script.alive == 1);
  CHECK(s.script.made == 1);

  s.world.node.room("r").end();
  s.world.settle();
  CHECK(s.script.alive == 0);
  CHECK(s.script.ends == strings{"good left", "close"});
  s.world.node.room("r").end(); // there is no such room now
  s.world.settle();
  CHECK(s.world.node.stats().rooms == 0);
}

// Pins §5.10, §10.16.
TEST_CASE("nothing comes behind roomClosed, whatever the behaviour does with its members then") {
  struct kicker final : room_behavior {
    kicker() {
      on("end", [](room_context& r, const member&, const application_message&) { r.end(); });
    }
    void on_leave(room_context& r, const member&, leave_reason) override { on_close(r); }
    void on_close(room_context& r) override {
      r.for_each_member([&](const member& m) { r.kick(m.key, "bye"); });
      r.broadcast("bye", {{"n", 1}});
    }
  };
  manual_node world{stage::options(1)};
  world.node.rooms("*", [](auto) { return std::make_unique<kicker>(); });
  client ann{world}, bob{world};
  ann.join("r");
  bob.join("r");
  world.settle();
  (void)stage::heard(ann);
  (void)stage::heard(bob);

  ann.say(R"({"type":"end","roomId":"r","ref":7})");
  ann.publish("r", "too late");
  world.settle();

  for (auto* c : {&ann, &bob}) {
    auto heard = stage::heard(*c);
    REQUIRE_FALSE(heard.empty());
    CHECK(heard.back() == R"({"type":"roomClosed","roomId":"r","reason":"ended"})");
    CHECK_FALSE(stage::any(heard, "bye"));
    CHECK_FALSE(stage::any(heard, "too late"));
  }
}

TEST_CASE("what hooks throw is logged with the room's name and the hook's, those of its members' "
          "end each once") {
  noted_log log;
  auto options = stage::options(1);
  options.log = &log;
  stage s{options};
  s.script.leave = [](auto&, auto& who) { throw std::runtime_error{who.user_id + " boom"}; };
  auto ann = s.connect("ann"), ben = s.connect("ben");
  ann->join("arena:1");
  ben->join("arena:1");
  s.world.settle();

  ann->say(R"({"type":"boom"})");
  s.world.settle();

  REQUIRE(log.lines.size() == 3);
  CHECK(log.lines[0] == "room: arena:1 has crashed in on_message: boom");
  std::sort(log.lines.begin() + 1, log.lines.end()); // members leave in any order
  CHECK(log.lines[1] == "room: arena:1 in on_leave: ann boom");
  CHECK(log.lines[2] == "room: arena:1 in on_leave: ben boom");
}

TEST_CASE("a room's members are told to have been closed out, however it ends, on whichever loops "
          "they are") {
  auto loops = GENERATE(1U, 2U, 3U);
  auto how = GENERATE(as<std::string>{}, "end", "boom", "outside", "stop", "request_stop", "drain");
  stage s{loops};
  std::vector<std::unique_ptr<client>> members;
  for (unsigned at = 0; at < loops; ++at)
    members.push_back(s.connect("u" + std::to_string(at), encoding::v1_json, at));
  for (unsigned at = 0; at < loops; ++at)
    for (auto& m : members)
      m->join(s.world.room_on(at));
  s.world.settle();

  for (unsigned at = 0; at < loops; ++at) {
    auto room = s.world.room_on(at);
    if (how == "outside")
      s.world.node.room(room).end();
    else if (how == "end" || how == "boom")
      members[loops - 1 - at]->say(R"({"type":")" + how + R"(","roomId":")" + room + "\"}");
  }
  if (how == "drain")
    s.world.node.end_rooms();
  if (how == "request_stop")
    s.world.node.request_stop();
  if (how == "stop")
    s.world.node.stop();
  else
    s.world.settle();

  INFO(how << " on " << loops << " loops");
  auto count = [&](auto of) {
    return std::count_if(s.script.ends.begin(), s.script.ends.end(), of);
  };
  CHECK(count([](auto& e) { return e.ends_with(" closed"); }) == loops * loops);
  CHECK(count([](auto& e) { return e == "close"; }) == (how == "boom" ? 0 : loops));
  CHECK(count([](auto& e) { return !e.ends_with("close") && !e.ends_with(" closed"); }) == 0);
  CHECK(s.script.alive == 0);
}

TEST_CASE("a hook that fails over the end of a room keeps nobody from being told, once") {
  auto how = GENERATE(as<std::string>{}, "end", "boom", "outside", "stop");
  stage s{2};
  s.script.leave = [](auto&, auto&) { throw std::runtime_error{"no disk"}; };
  std::vector<std::unique_ptr<client>> members;
  for (unsigned i = 0; i < 3; ++i) {
    members.push_back(s.connect("u" + std::to_string(i), encoding::v1_json, i % 2));
    members.back()->join("r");
  }
  s.world.settle();
  for (auto& m : members)
    (void)stage::heard(*m);

  if (how == "outside")
    s.world.node.room("r").end();
  else if (how == "stop")
    s.world.node.stop();
  else
    members[0]->say(R"({"type":")" + how + R"(","roomId":"r"})");
  if (how != "stop")
    s.world.settle();

  INFO(how);
  std::sort(s.script.ends.begin(), s.script.ends.end());
  CHECK(s.script.ends == strings{"u0 closed", "u1 closed", "u2 closed"});
  CHECK(s.script.alive == 0);
  for (auto& m : members) {
    auto frames = stage::heard(*m);
    CHECK(std::count_if(frames.begin(), frames.end(),
                        [](auto& f) { return f.find("roomClosed") != std::string::npos; })
          == (how == "stop" ? 0 : 1));
  }
}

TEST_CASE("rooms end before connections do, whichever loop is ahead while the node stops") {
  auto ahead = GENERATE(0U, 1U, 2U);
  auto turns = GENERATE(1, 2, 3, 50);
  stage s{3};
  auto ann = s.connect("ann", encoding::v1_json, ahead);
  for (unsigned at = 0; at < 3; ++at)
    ann->join(s.world.room_on(at));
  s.world.settle();

  s.world.node.request_stop();
  for (int i = 0; i < turns; ++i)
    s.world.node.loop(ahead).run_turn();
  for (int i = 0; i < turns; ++i)
    s.world.node.loop((ahead + 1) % 3).run_turn();
  s.world.settle();

  CHECK(s.script.ends
        == strings{"ann closed", "close", "ann closed", "close", "ann closed", "close"});
  for (unsigned at = 0; at < 3; ++at)
    CHECK(s.world.node.loop(at).pinned_actors() == 0);
}

TEST_CASE(
  "a join that comes while the node stops makes no room and keeps nothing, and nobody is let in") {
  stage s{2};
  auto far = s.world.room_on(1);
  auto ann = s.connect("ann");
  s.world.node.request_stop();
  s.world.node.loop(1).run_turn();
  ann->say(R"({"type":"join","roomId":")" + far + R"(","ref":1})");
  s.world.settle();

  CHECK(s.script.made == 0);
  CHECK(s.world.node.loop(0).pinned_actors() == 0);
  CHECK(s.world.node.loop(1).pinned_actors() == 0);
  CHECK_THROWS_AS(client(s.world), std::runtime_error);
}

// Pins §10.17.
TEST_CASE("who enters a room that ends enters its successor, behind the end of the old one") {
  stage s;
  auto ann = s.connect("ann"), bob = s.connect("bob");
  ann->join("r");
  s.world.settle();
  (void)stage::heard(*ann);

  s.world.node.loop(0).post([&] {
    ann->say(R"({"type":"end","roomId":"r"})");
    ann->say(R"({"type":"join","roomId":"r","ref":1})");
    bob->say(R"({"type":"join","roomId":"r","ref":2})");
  });
  s.world.settle();

  CHECK(s.script.made == 2);
  auto heard = stage::heard(*ann);
  auto at = [&](std::string_view text) {
    for (std::size_t i = 0; i < heard.size(); ++i)
      if (heard[i].find(text) != std::string::npos)
        return static_cast<int>(i);
    return -1;
  };
  CHECK(at("roomClosed") >= 0);
  CHECK(at(R"("ref":1)") > at("roomClosed"));
  CHECK(stage::any(stage::heard(*bob), R"("ref":2)"));
  ann->publish("r", "hello");
  s.world.settle();
  CHECK(stage::any(stage::heard(*bob), "hello"));
}

TEST_CASE("a room stays that throws out its last member while it lets another in") {
  stage s;
  s.script.authorize = [](room_context& r, const member& m) {
    r.for_each_member([&](const member& other) { r.kick(other.key, "make way for " + m.user_id); });
    return join_decision::accept();
  };
  auto ann = s.connect("ann"), bob = s.connect("bob");
  ann->join("r");
  s.world.settle();
  bob->join("r");
  s.world.settle();
  CHECK(stage::any(stage::heard(*ann), "make way for bob"));
  CHECK(s.script.made == 1);
  CHECK(s.world.node.stats().members == 1);

  bob->publish("r", "here");
  s.world.settle();
  CHECK(stage::any(stage::heard(*bob), "here"));
}

TEST_CASE("a mass loss of connections does not end the room of those who stay") {
  node_options o = stage::options(1);
  o.rooms.max_members = 0;
  o.rooms.max_pending_bytes = 64 * 1024;
  manual_node world{o};
  std::deque<client> goers;
  for (int i = 0; i < 3000; ++i) {
    goers.emplace_back(world);
    goers.back().join("r");
    if (i % 100 == 0)
      world.settle();
  }
  client stays{world};
  stays.join("r");
  world.settle();

  for (auto& c : goers)
    c.session.disconnect();
  world.settle();

  CHECK_FALSE(stage::any(stage::heard(stays), "roomClosed"));
  CHECK(world.node.stats().members == 1);
}

/// Pins that shards end last: a join that reaches an ended shard would never be answered.
TEST_CASE("a node stops although joins wait for joins, whichever loop is ahead") {
  auto turns = GENERATE(range(0, 12));
  stage s{2};
  auto far = s.world.room_on(1), near = s.world.room_on(0);
  auto plain = s.connect("plain", encoding::plain_json);
  auto run = [&](unsigned loop, int n) {
    for (int i = 0; i < n; ++i)
      s.world.node.loop(loop).run_turn();
  };
  for (auto& room : {far, near, far, near, far})
    plain->join(room);
  run(0, 2);
  plain->session.disconnect(); // its earlier commands still take effect, after the joins

  run(0, turns % 4);
  s.world.node.request_stop();
  run(0, turns / 4); // rooms here may end before the other loop has answered
  run(1, turns);
  s.world.node.stop();

  CHECK(s.world.node.stats().members == 0);
  CHECK(s.script.alive == 0);
}

// Pins §4.21.
TEST_CASE("a join of a client that is still heard while the server stops is answered overloaded") {
  stage s;
  auto ann = s.connect("ann");
  s.world.node.end_rooms();
  s.world.settle();

  ann->say(R"({"type":"join","roomId":"r","ref":1})");
  s.world.settle();

  auto heard = stage::heard(*ann);
  REQUIRE(heard.size() == 1);
  CHECK(stage::any(heard, R"("ref":1,"request":"join","roomId":"r","code":"overloaded")"));
  CHECK(s.script.made == 0);
}
