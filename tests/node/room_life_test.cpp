#include "manual_node.hpp"

#include "support/noted_log.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>

// How rooms begin and end, in whole nodes on loops that the test runs.

using namespace troupe;
using namespace troupe::test;
using namespace troupe::actors;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

namespace {

/// Hooks that a test fills in. Counts its incarnations, and notes the ends that it hears of.
struct scripted final : room_behavior {
  struct script {
    std::function<void(room_context&)> create;
    std::function<join_decision(room_context&, const member&)> authorize;
    std::function<void(room_context&, const member&)> join, leave;
    int made = 0, alive = 0;
    strings ends;
  };

  explicit scripted(script& s) : script_(s) {
    ++s.made, ++s.alive;
    on("end", [](room_context& r, const member&, const application_message&) { r.end(); });
    on("boom", [](room_context&, const member&, const application_message&) {
      throw std::runtime_error{"boom"};
    });
  }
  ~scripted() override { --script_.alive; }

  void on_create(room_context& r) override {
    if (script_.create)
      script_.create(r);
  }
  join_decision authorize_join(room_context& r, const member& m) override {
    return script_.authorize ? script_.authorize(r, m) : join_decision::accept();
  }
  void on_join(room_context& r, const member& m) override {
    if (script_.join)
      script_.join(r, m);
  }
  void on_leave(room_context& r, const member& m, leave_reason why) override {
    script_.ends.push_back(m.user_id + " " + std::string{to_string(why)});
    if (script_.leave)
      script_.leave(r, m);
  }
  void on_close(room_context&) override { script_.ends.emplace_back("close"); }

private:
  script& script_;
};

struct stage {
  explicit stage(unsigned loops = 1, room_options of = {}) : stage(options(loops), of) {}
  explicit stage(node_options with, room_options of = {}) : world(std::move(with)) {
    world.node.rooms(
      "*", [this](auto) { return std::make_unique<scripted>(script); }, of);
  }
  static node_options options(unsigned loops) {
    node_options o;
    o.loops = loops;
    o.hash_seed = 1;
    o.connections.messages_per_second = 0;
    o.heartbeat.interval = 0ms;
    return o;
  }
  std::unique_ptr<client> connect(std::string user, encoding e = encoding::v1_json,
                                  unsigned loop = 0) {
    auto c = std::make_unique<client>(world, e, loop, actors::outbox::bounds{}, std::move(user));
    world.settle();
    (void)heard(*c);
    return c;
  }
  /// The payloads that the client has received since the last call; "close" and the code for a
  /// close frame.
  static strings heard(client& c) {
    strings all;
    for (auto& f : c.session.take_frames())
      all.push_back(f.opcode == 8 ? "close " + std::to_string(f.close_code()) : f.payload);
    return all;
  }
  static bool any(const strings& frames, std::string_view text) {
    for (auto& f : frames)
      if (f.find(text) != std::string::npos)
        return true;
    return false;
  }

  scripted::script script;
  manual_node world;
};

} // namespace

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

// -- ends -----------------------------------------------------------------------------------------

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

// Pins that a behaviour's `room_closed` answers the join. After the `room_closed` of an ending
// room, the join would wait for the successor.
TEST_CASE("a join that its room refuses as closed is answered, and the room lives on") {
  stage s{1};
  s.script.authorize = [](auto&, auto& who) {
    return who.user_id == "ben" ? join_decision::refuse("not today", protocol::errc::room_closed)
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
