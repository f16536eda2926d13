#include "onlooker.hpp"

#include <troupe/node.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::publish_result;
using strings = std::vector<std::string>;

namespace {

/// A behaviour that notes what it is told, and does what members ask for.
struct notary final : actors::room_behavior {
  struct notes {
    strings all;
    std::function<actors::join_decision(const actors::member&)> authorize;
  };

  explicit notary(notes& n) : notes_(n) {
    on("end", [](auto& room, auto&, auto&) { room.end(); });
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
    on("say", [](auto& room, auto&, auto&) { room.broadcast("said", {}); });
    on("kick", [](auto& room, auto&, auto& m) {
      auto who = m.fields.string("who").value_or("");
      room.for_each_member([&](const actors::member& other) {
        if (other.user_id == who)
          room.kick(other.key, "enough");
      });
    });
    on("ask", [this](actors::room_context& room, auto&, auto& m) {
      auto who = m.fields.string("who").value_or("");
      room.for_each_member([&](const actors::member& other) {
        if (other.user_id == who)
          room.ask(other.key, {{"n", 1}}, 1s, [this](auto&, const actors::request_result& r) {
            note("answer " + std::string{r.data.bytes()});
          });
      });
    });
    on("values", [](actors::room_context& room, auto&, auto&) {
      for (int i = 1; i <= 6; ++i) {
        actors::broadcast_event e{"at", {{"i", i}}, {}};
        e.is_latest = true;
        e.key = i % 2 == 0 ? "even" : "odd";
        room.broadcast(e);
      }
    });
    on("positions", [](actors::room_context& room, auto&, auto&) {
      actors::broadcast_event e{"at", {}, {}};
      e.is_volatile = true;
      room.broadcast(e);
    });
  }

  actors::join_decision authorize_join(actors::room_context&, const actors::member& m) override {
    return notes_.authorize ? notes_.authorize(m) : actors::join_decision::accept();
  }
  void on_join(actors::room_context&, const actors::member& m) override {
    note("join " + m.user_id);
  }
  void on_leave(actors::room_context&, const actors::member& m, actors::leave_reason why) override {
    note("leave " + m.user_id + " " + std::string{to_string(why)});
  }
  bool on_binary(actors::room_context&, const actors::member& m, std::string_view bytes) override {
    note("binary " + m.user_id + " " + std::string{bytes});
    return true;
  }
  bool on_profile(actors::room_context&, const actors::member& m,
                  const protocol::document_view& profile) override {
    note("profile " + m.user_id + " " + std::string{profile.bytes()});
    return true;
  }

private:
  void note(std::string what) { notes_.all.push_back(std::move(what)); }
  notes& notes_;
};

/// A node whose rooms note what they are told, with a client and an actor in "r".
struct bot_world {
  explicit bot_world(actors::node_options options = {}, actors::room_options of = {})
    : world(std::move(options)) {
    world.node.rooms(
      "*", [this](auto) { return std::make_unique<notary>(notes); }, of);
  }

  /// The actor enters "r", and hears `joined`.
  actors::bot join(actors::bot_options o = {}, std::string_view user = "rex") {
    auto me = world.node.join("r", watcher.handle(), user, nullptr, o);
    world.settle();
    return me;
  }
  void enter(client& who) {
    who.join("r");
    world.settle();
    (void)who.texts();
  }

  notary::notes notes;
  manual_node world;
  onlooker watcher{world.system};
};

strings types_of(const std::vector<room_event>& events) {
  strings out;
  for (auto& e : events)
    out.push_back(e.type());
  return out;
}

actors::bot_options of_events(std::int64_t events, behind_policy policy = behind_policy::drop) {
  actors::bot_options o;
  o.max_events = events;
  o.policy = policy;
  return o;
}

} // namespace

// -- entering -------------------------------------------------------------------------------------

TEST_CASE("an actor that joins a room is a member like a client") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);

  auto me = w.join();

  CHECK(me.user_id() == "rex");
  auto events = w.watcher.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == joined);
  CHECK(events[0].name == "r");
  CHECK(events[0].fields().string("userId") == "rex");
  CHECK(ann.heard("userJoined", "userId") == strings{"rex"});
  CHECK(w.world.node.stats().members == 2);
  CHECK(w.world.node.stats().connections == 2);
  CHECK(w.notes.all.back() == "join rex");
}

TEST_CASE("presence lists a bot, and a bot may ask for it") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  auto me = w.join();
  (void)w.watcher.take();
  (void)ann.texts();

  ann.say(R"({"type":"presence"})");
  CHECK(me.say("presence", {{"ref", 7}}) == publish_result::accepted);
  w.world.settle();

  auto heard = ann.heard("presence", "members");
  REQUIRE(heard.size() == 1);
  CHECK(heard.front().find("\"rex\"") != std::string::npos);
  auto events = w.watcher.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].type() == "presence");
  CHECK(events[0].fields().integer("ref") == 7);
}

TEST_CASE("a bot counts in its room's capacity") {
  actors::room_options two;
  two.max_members = 2;
  bot_world w{{}, two};
  client ann{w.world}, bob{w.world};
  w.enter(ann);
  (void)w.join();

  bob.join("r");
  auto late = w.world.node.join("r", w.watcher.handle(), "late");
  w.world.settle();

  CHECK(bob.heard("error", "code") == strings{"room_full"});
  auto events = w.watcher.take();
  REQUIRE(events.size() == 2);
  CHECK(events[1].what == refused);
  CHECK(events[1].fields().string("code") == "room_full");
  CHECK(late.publish("hello") == publish_result::gone);
  CHECK(w.world.node.stats().connections == 3);
}

TEST_CASE("a behaviour and claims may refuse a bot") {
  bot_world w;
  w.notes.authorize = [](const actors::member& m) {
    return m.user_id == "rex" ? actors::join_decision::refuse("no dogs")
                              : actors::join_decision::accept();
  };
  auto rights = std::make_shared<actors::claims>();
  rights->subject = "cat";
  rights->rooms = strings{"lawn"};

  (void)w.join();
  auto cat = w.world.node.join("r", w.watcher.handle(), {}, rights);
  w.world.settle();

  auto events = w.watcher.take();
  REQUIRE(events.size() == 2);
  CHECK(events[0].what == refused);
  CHECK(events[0].fields().string("message") == "no dogs");
  CHECK(events[1].what == refused);
  CHECK(events[1].fields().string("code") == "forbidden");
  CHECK(cat.user_id() == "cat");
  CHECK(w.world.node.stats().rooms == 0);
}

TEST_CASE("a bot enters no lobby, and its session is not kept") {
  actors::node_options options;
  options.lobby = "lobby";
  bot_world w{options};

  auto me = w.join();
  CHECK(w.world.node.stats().members == 1);
  (void)me.leave();
  w.world.settle();

  CHECK(w.world.node.stats().kept_sessions == 0);
  CHECK(w.world.node.stats().connections == 0);
  CHECK(w.world.node.stats().rooms == 0);
}

TEST_CASE("mistakes of a join are sentences, and an impossible name is refused") {
  bot_world w;
  actors::bot_options plain;
  plain.encoding = encoding::plain_json;
  auto& node = w.world.node;

  CHECK_THROWS_WITH(node.join("r", {}, "rex"), "join: the actor is null");
  CHECK_THROWS_WITH(node.join("r", w.watcher.handle(), ""), Catch::Contains("needs a user id"));
  CHECK_THROWS_WITH(w.join(plain), Catch::Contains("v1_json or v1_msgpack"));
  CHECK_THROWS_AS(w.join(of_events(-1)), std::invalid_argument);
  auto nobody = node.join(std::string(200, 'x'), w.watcher.handle(), "rex");

  CHECK(w.watcher.take_kinds() == kinds{refused});
  CHECK(nobody.publish("hello") == publish_result::gone);
  CHECK(actors::bot{}.publish("hello") == publish_result::gone);
  CHECK(actors::bot{}.user_id().empty());
}

// -- saying ---------------------------------------------------------------------------------------

TEST_CASE("a bot says all that a client can, in the order of its calls") {
  auto codec = GENERATE(encoding::v1_json, encoding::v1_msgpack);
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  actors::bot_options o;
  o.encoding = codec;
  auto me = w.join(o);
  (void)w.watcher.take();
  (void)ann.texts();
  w.notes.all.clear();

  CHECK(me.publish("hello") == publish_result::accepted);
  CHECK(me.say("say") == publish_result::accepted);
  CHECK(me.send_binary("\x01\x02") == publish_result::accepted);
  CHECK(me.set_profile({{"color", "red"}}) == publish_result::accepted);
  CHECK(me.say("message", {{"text", "quiet"}, {"echo", false}}) == publish_result::accepted);
  w.world.settle();

  auto texts = ann.texts();
  CHECK(test::types_of(texts) == strings{"message", "said", "binary", "$profile", "message"});
  auto heard = w.watcher.take();
  REQUIRE(types_of(heard) == strings{"message", "said", "binary"});
  CHECK(heard[0].fields().string("text") == "hello");
  CHECK(heard[2].binary() == "\x01\x02");
  CHECK(heard[1].binary().empty());
  CHECK(w.notes.all.front() == "binary rex \x01\x02");
}

TEST_CASE("a bot answers what its room asks it") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  auto me = w.join();
  (void)w.watcher.take();

  ann.say(R"({"type":"ask","who":"rex"})");
  w.world.settle();
  auto asked = w.watcher.take();
  REQUIRE(types_of(asked) == strings{"$request"});
  auto id = asked[0].fields().string("requestId").value_or("");
  (void)me.say("$reply", {{"requestId", id}, {"data", "yes"}});
  w.world.settle();

  CHECK(w.notes.all.back() == "answer \"yes\"");
}

TEST_CASE("what a room refuses is told to its bot") {
  bot_world w;
  auto me = w.join();
  (void)w.watcher.take();

  (void)me.say("unheard-of", {{"ref", 1}});
  w.world.settle();

  auto events = w.watcher.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == frame);
  CHECK(events[0].fields().string("code") == "unknown_type");
}

TEST_CASE("a bot's mistakes are refused at the call") {
  bot_world w;
  auto me = w.join();

  CHECK_THROWS_WITH(me.say(""), "a message without a type");
  CHECK_THROWS_WITH(me.say("move", {{"x", 1}, {"x", 2}}), Catch::Contains("\"x\" is there twice"));
  CHECK_THROWS_WITH(me.say("move", {{"type", "other"}}), Catch::Contains("\"type\""));
  CHECK_THROWS_WITH(me.set_profile({{"__proto__", 1}}), Catch::Contains("__proto__"));
  CHECK_THROWS_AS(me.say("move", {{"at", protocol::raw_value{protocol::codec::json, "{"}}}),
                  std::invalid_argument);
}

TEST_CASE("what a bot has said and the room has not taken is bounded") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  actors::bot_options o;
  o.inputs = {3, 1024 * 1024};
  auto me = w.join(o);
  (void)ann.texts();

  int accepted = 0;
  while (me.publish("hello") == publish_result::accepted)
    ++accepted;
  CHECK(accepted == 3);
  CHECK(me.publish("hello") == publish_result::overloaded);
  w.world.settle();
  CHECK(me.publish("more") == publish_result::accepted);
  w.world.settle();

  CHECK(ann.texts().size() == 4);
}

TEST_CASE("a bot that says more than a room takes at once loses nothing of it") {
  actors::node_options options;
  options.connections.credits = {2, 64};
  bot_world w{options};
  client ann{w.world};
  w.enter(ann);
  auto me = w.join();
  (void)ann.texts();

  for (int i = 0; i < 100; ++i)
    REQUIRE(me.say("message", {{"data", i}}) == publish_result::accepted);
  w.world.settle();

  strings expected;
  for (int i = 0; i < 100; ++i)
    expected.push_back(std::to_string(i));
  CHECK(ann.heard("message", "data") == expected);
}

TEST_CASE("a bot has no rate of messages") {
  actors::node_options options;
  options.connections.messages_per_second = 1;
  options.connections.burst_messages = 2;
  bot_world w{options};
  auto me = w.join();
  (void)w.watcher.take();

  for (int i = 0; i < 20; ++i)
    (void)me.publish("hello");
  w.world.settle();

  CHECK(types_of(w.watcher.take()) == strings(20, "message"));
}

// -- hearing --------------------------------------------------------------------------------------

TEST_CASE("a bot hears what its room says as a client does") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  (void)w.join();
  (void)w.watcher.take();
  (void)ann.texts();

  ann.publish("r", "hello");
  ann.session.say("bytes", true);
  w.world.node.room("r").publish("n", {{"i", 1}});
  w.world.settle();

  strings heard;
  for (auto& e : w.watcher.take())
    heard.emplace_back(e.json());
  CHECK(heard == ann.texts());
}

TEST_CASE("a bot that is behind misses what does not fit, and is told how much") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  (void)w.join(of_events(4));
  auto publish = [&](int n) {
    for (int i = 0; i < n; ++i) {
      w.world.node.room("r").publish("n", {});
      w.world.settle();
    }
  };

  publish(10); // three fit in beside `joined`
  CHECK(w.watcher.take_kinds() == kinds{joined, frame, frame, frame});
  publish(1);

  auto events = w.watcher.take();
  REQUIRE(events.size() == 2);
  CHECK(events[0].what == gap);
  CHECK(events[0].dropped == 7);
  CHECK(events[1].what == frame);
  CHECK(ann.texts().size() >= 11);
}

TEST_CASE("answers reach a bot that is behind, and the gap before them") {
  bot_world w;
  auto me = w.join(of_events(1));
  w.world.node.room("r").publish("n", {});
  w.world.settle();

  (void)me.say("presence", {{"ref", 1}});
  w.world.settle();

  CHECK(w.watcher.take_kinds() == kinds{joined, gap, frame});
}

TEST_CASE("a bot that is to be removed when behind leaves, and its last event says so") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  auto me = w.join(of_events(2, behind_policy::remove));

  for (int i = 0; i < 5; ++i)
    w.world.node.room("r").publish("n", {});
  w.world.settle();

  CHECK(w.watcher.take_kinds() == kinds{joined, frame, closed});
  CHECK(ann.heard("userLeft", "reason") == strings{"disconnected"});
  CHECK(me.publish("hello") == publish_result::gone);
  CHECK(w.world.node.stats().members == 1);
}

TEST_CASE("a bot that keeps up hears each value; one that is behind the last ones, once it may") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  (void)w.join(of_events(2));
  auto say = [&] {
    ann.say(R"({"type":"values"})");
    w.world.settle();
  };
  auto numbers = [](const std::vector<room_event>& events) {
    std::vector<std::int64_t> out;
    for (auto& e : events)
      if (e.type() == "at")
        out.push_back(e.fields().integer("i").value_or(0));
    return out;
  };

  w.world.node.room("r").publish("n", {}); // with `joined`, all its credit
  w.world.settle();
  say();
  CHECK(w.watcher.take_kinds() == kinds{joined, frame});
  w.world.settle();

  CHECK(numbers(w.watcher.take()) == std::vector<std::int64_t>{5, 6});
  CHECK(w.world.node.stats().replaced == 4);
}

TEST_CASE("what is for this moment only is skipped for a bot that is behind, without a gap") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  (void)w.join(of_events(1));

  ann.say(R"({"type":"positions"})");
  w.world.settle();
  CHECK(w.watcher.take_kinds() == kinds{joined});
  ann.say(R"({"type":"positions"})");
  w.world.settle();

  CHECK(w.watcher.take_kinds() == kinds{frame});
  CHECK(w.world.node.stats().skipped == 1);
}

TEST_CASE("an event that a bot keeps outlives its room and its node") {
  std::vector<room_event> kept;
  actors::bot me;
  {
    bot_world w;
    me = w.join();
    kept = w.watcher.take();
  }

  REQUIRE(kept.size() == 1);
  CHECK(kept[0].fields().string("userId") == "rex");
  CHECK(me.publish("hello") == publish_result::gone);
}

// -- leaving --------------------------------------------------------------------------------------

TEST_CASE("a bot leaves after all that it has said") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  auto me = w.join();
  (void)ann.texts();

  (void)me.publish("bye");
  CHECK(me.leave() == publish_result::accepted);
  w.world.settle();

  CHECK(w.watcher.take_kinds() == kinds{joined, frame, closed});
  auto texts = ann.texts();
  CHECK(test::types_of(texts) == strings{"message", "userLeft"});
  CHECK(w.notes.all.back() == "leave rex left");
  CHECK(me.publish("again") == publish_result::gone);
  CHECK(w.world.node.stats().connections == 1);
}

TEST_CASE("a bot whose actor ends leaves its room, after all that it has said") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  auto other = std::make_unique<onlooker>(w.world.system);
  auto me = w.world.node.join("r", other->handle(), "rex");
  w.world.settle();
  (void)ann.texts();

  (void)me.publish("last words");
  other.reset();
  w.world.settle();

  CHECK(test::types_of(ann.texts()) == strings{"message", "userLeft"});
  CHECK(w.world.node.stats().members == 1);
  CHECK(w.world.node.stats().connections == 1);
  CHECK(me.publish("hello") == publish_result::gone);
}

TEST_CASE("an actor that has ended does not stay a member") {
  bot_world w;
  caf::actor gone;
  {
    onlooker other{w.world.system};
    gone = other.handle();
  }

  (void)w.world.node.join("r", gone, "rex");
  w.world.settle();

  CHECK(w.world.node.stats().rooms == 0);
  CHECK(w.world.node.stats().connections == 0);
}

TEST_CASE("a bot that is kicked, or whose room ends, hears so last") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  auto me = w.join();
  (void)w.watcher.take();
  std::string why;

  SECTION("kicked") {
    ann.say(R"({"type":"kick","who":"rex"})");
    why = "kicked";
  }
  SECTION("the room ends") {
    ann.say(R"({"type":"end"})");
    why = "ended";
  }
  SECTION("the room crashes") {
    ann.say(R"({"type":"boom"})");
    why = "crashed";
  }
  w.world.settle();

  auto events = w.watcher.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == closed);
  CHECK(events[0].fields().string("reason") == why);
  CHECK(me.publish("hello") == publish_result::gone);
  CHECK(w.world.node.stats().connections == 1);
}

TEST_CASE("a bot that is disconnected as a user leaves at once, in a room that keeps seats, too") {
  actors::room_options of;
  of.keep_seat = 10s;
  bot_world w{{}, of};
  (void)w.join();

  w.world.node.user("rex").disconnect();
  w.world.settle();

  CHECK(w.watcher.take_kinds() == kinds{joined, closed});
  CHECK(w.world.node.stats().members == 0);
  CHECK(w.world.node.stats().rooms == 0);
  CHECK(w.world.node.stats().kept_sessions == 0);
}

TEST_CASE("a bot is told when the node stops, and nothing is left of it") {
  bot_world w;
  auto me = w.join();

  w.world.node.request_stop();
  w.world.settle();

  CHECK(w.watcher.take_kinds() == kinds{joined, closed});
  CHECK(me.publish("hello") == publish_result::gone);
  CHECK(w.world.node.loop(0).pinned_actors() == 0);
  (void)w.world.node.join("r", w.watcher.handle(), "late");
  CHECK(w.watcher.take_kinds() == kinds{refused});
}

TEST_CASE("a node that drains says goodbye to bots as to clients") {
  bot_world w;
  auto me = w.join();
  (void)me.publish("said before");
  w.world.node.stop_reading();
  w.world.pass(100ms);
  CHECK(w.world.node.has_handled_all());

  w.world.node.end_rooms();
  w.world.pass(100ms);
  w.world.node.drain(actors::drain_kind::shutdown, 0ms);
  w.world.pass(200ms);

  auto heard = w.watcher.take_kinds();
  CHECK(heard.front() == joined);
  CHECK(heard.back() == closed);
  CHECK(w.world.node.stats().connections == 0);
}

TEST_CASE("bots of all loops say and hear in the order of their rooms") {
  actors::node_options options;
  options.loops = 3;
  bot_world w{options};
  std::map<std::string, std::unique_ptr<onlooker>> actors;
  std::vector<actors::bot> bots;
  for (unsigned loop = 0; loop < 3; ++loop) {
    auto room = w.world.room_on(loop);
    for (int i = 0; i < 3; ++i) {
      auto user = room + "/" + std::to_string(i);
      auto& who = actors[user] = std::make_unique<onlooker>(w.world.system);
      bots.push_back(w.world.node.join(room, who->handle(), user));
    }
  }
  w.world.settle();
  for (auto& [user, who] : actors)
    (void)who->take();

  for (int round = 0; round < 5; ++round)
    for (auto& b : bots)
      (void)b.publish(b.user_id() + " " + std::to_string(round));
  w.world.settle();

  std::map<std::string, strings> heard;
  for (auto& [user, who] : actors)
    for (auto& e : who->take())
      heard[user].push_back(e.fields().string("text").value_or(e.type()));
  for (auto& [user, texts] : heard) {
    CHECK(texts.size() == 15);
    CHECK(texts == heard[user.substr(0, user.size() - 1) + "0"]);
  }
  CHECK(heard.size() == 9);
}

TEST_CASE("a bot whose join is decided later hears of another room's refusal as of any answer") {
  bot_world w;
  actors::join_promise promise;
  w.notes.authorize = [&](const actors::member&) { return actors::join_decision::later(promise); };
  auto me = w.join();

  (void)me.say("join", {{"roomId", " x"}, {"ref", 1}});
  w.world.settle();
  CHECK(w.watcher.take_kinds() == kinds{frame});
  promise.accept();
  w.world.settle();

  CHECK(w.watcher.take_kinds() == kinds{joined});
  CHECK(w.world.node.stats().members == 1);
}

TEST_CASE("a bot that handles nothing leaves a room that tells it alone too much") {
  bot_world w;
  client ann{w.world};
  w.enter(ann);
  auto me = w.join(of_events(4));
  std::string much(100'000, 'x');

  for (int i = 0; i < 40; ++i) {
    w.world.node.room("r").send_to_user("rex", "note", {{"text", much}});
    w.world.settle();
  }

  auto heard = w.watcher.take();
  CHECK(heard.size() < 20);
  CHECK(heard.back().what == closed);
  CHECK(me.publish("hello") == publish_result::gone);
}
