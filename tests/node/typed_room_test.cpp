#include "game_actors.hpp"
#include "support/spawn_function.hpp"

#include <troupe/testing/stage.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <thread>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using testing::stage;
using strings = std::vector<std::string>;

namespace {

[[maybe_unused]] const bool are_known =
  (troupe::init(), compat::register_messages<caf::id_block::troupe_node_tests>(), true);

actors::node_options on_loops(unsigned loops) {
  actors::node_options o;
  o.loops = loops;
  o.rooms.linger = 0ms;
  return o;
}

/// A stage whose rooms `arena:*` are typed, and others that relay.
struct game {
  explicit game(actors::node_options options = on_loops(1), actors::room_options of = {})
    : world(std::move(options)) {
    world.node().rooms(
      "arena:*", [this](auto) { return std::make_unique<arena>(script); }, of);
  }
  ~game() {
    script.scores = nullptr;
    slow.asked.clear();
  }

  void use_quick_scores() { script.scores = world.system().spawn(quick_scores, &quick); }
  void use_slow_scores() { script.scores = world.system().spawn(slow_scores, &slow); }
  /// Lets the scoreboard answer the first question that it has not.
  void answer(const std::string& who) {
    slow.asked.front().deliver(who);
    slow.asked.erase(slow.asked.begin());
    world.settle();
  }

  /// Runs `f(self)` in an actor of the test's own, then all that follows.
  template <class F>
  void act(F f) {
    test::spawn_function(world.system(), std::move(f));
    world.settle();
  }

  /// What a search for a room of that interface ends with.
  template <class Room = arena>
  std::string search(const std::string& name) {
    std::string result = "none";
    act([&](auto* self) {
      find_room<Room>(self, world.node().rooms_actor(), name, 1s)
        .then([&](const typename Room::actor_type&) { result = "found"; },
              [&](const caf::error& why) { result = arena::error_name(why); });
    });
    return result;
  }

  /// The room of that name, which is there.
  arena_actor find(const std::string& name = "arena:1") {
    arena_actor found;
    act([&](auto* self) {
      find_room<arena>(self, world.node().rooms_actor(), name, 1s)
        .then([&](const arena_actor& room) { found = room; }, [](const caf::error&) {});
    });
    if (!found)
      throw std::runtime_error{"there is no room " + name};
    return found;
  }

  /// What a message to a room is answered with; "none" so far.
  template <class... Ts>
  std::shared_ptr<std::string> request(const arena_actor& room, Ts... xs) {
    auto answer = std::make_shared<std::string>("none");
    auto take = [answer](auto&... values) {
      answer->clear();
      (answer->append(as_text(values)), ...);
    };
    act([=](auto* self) {
      if constexpr ((std::is_same_v<Ts, meteor_atom> || ...))
        compat::request(self, room, 10s, xs...)
          .then([=](int n) { take(n); },
                [=](const caf::error& why) { *answer = arena::error_name(why); });
      else if constexpr ((std::is_same_v<Ts, top_atom> || ...))
        compat::request(self, room, 10s, xs...)
          .then([=](const std::string& who) { take(who); },
                [=](const caf::error& why) { *answer = arena::error_name(why); });
      else
        compat::request(self, room, 10s, xs...)
          .then([=] { take(); }, [=](const caf::error& why) { *answer = arena::error_name(why); });
    });
    return answer;
  }

  static std::string as_text(int n) { return std::to_string(n); }
  static std::string as_text(const std::string& s) { return s; }

  scores_state quick;
  slow_scores_state slow;
  arena::script script;
  stage world;
};

struct other_room final : typed_room<scoreboard_actor> {
  handlers actor_handlers() override {
    return {[](score_atom, const std::string&, int) {}, [](top_atom) { return std::string{}; }};
  }
};

/// What `f` throws as a mistake of whoever calls it; empty: it throws none.
template <class F>
std::string mistake(F&& f) {
  try {
    f();
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return {};
}

} // namespace

// -- messages of other actors ---------------------------------------------------------------------

TEST_CASE("a room that speaks CAF answers an actor, and tells its members") {
  game g;
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  auto room = g.find();

  auto first = g.request(room, meteor_atom_v, 3);
  auto second = g.request(room, meteor_atom_v, 4);

  CHECK(*first == "3");
  CHECK(*second == "7");
  CHECK(ann.expect("note").text("what") == "meteors 3");
  CHECK(ann.expect("note").text("what") == "meteors 4");
  CHECK(g.world.node().stats().room_messages == 2);
}

TEST_CASE("messages that wait for a room are counted") {
  game g;
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  auto room = g.find();

  g.act([&](auto* self) {
    for (int i = 0; i < 10; ++i)
      compat::send(self, room, meteor_atom_v, 1);
  });

  CHECK(g.world.node().stats().room_messages == 10);
  CHECK(g.world.node().stats().most_room_messages >= 1);
  CHECK(g.world.node().stats().most_room_messages <= 9);
  CHECK(ann.take_all().size() == 10);
}

TEST_CASE("an answer that a room gives later comes from its promise") {
  game g;
  g.use_slow_scores();
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  auto answer = g.request(g.find(), top_atom_v);
  CHECK(*answer == "none");
  g.answer("bob");

  CHECK(*answer == "bob");
}

/// Pins that an asker does not wait for ever: CAF 0.17 drops the promises of an actor that ends.
TEST_CASE("an answer that a room still owes at its end is refused") {
  game g;
  g.use_slow_scores();
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  auto answer = g.request(g.find(), top_atom_v);

  ann.say(R"({"type":"leave"})").expect("left");

  CHECK(g.world.node().stats().rooms == 0);
  CHECK(*answer == "request_receiver_down");
}

TEST_CASE("an answer whose last promise is dropped is an error") {
  game g;
  g.script.scores = nullptr;
  g.script.create = [](arena&) {};
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  // asking a null actor throws within the handler, after the promise was made
  auto answer = g.request(g.find(), top_atom_v);

  CHECK(*answer == "runtime_error");
  CHECK(ann.expect("roomClosed").text("reason") == "crashed");
}

TEST_CASE("what a message's handler throws ends that room alone, and its asker hears of it") {
  game g;
  auto& ann = g.world.connect("ann");
  auto& bob = g.world.connect("bob");
  ann.join("arena:1").expect("joined");
  bob.join("arena:2").expect("joined");
  auto room = g.find("arena:1");

  auto answer = g.request(room, bad_atom_v);
  auto after = g.request(room, meteor_atom_v, 1);

  CHECK(*answer == "runtime_error");
  CHECK(*after == "request_receiver_down");
  CHECK(ann.expect("roomClosed").text("reason") == "crashed");
  CHECK_NOTHROW(bob.expect_nothing());
  CHECK(g.script.alive == 1);
}

TEST_CASE("messages of actors and of clients take effect in the order in which they come") {
  game g;
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  auto room = g.find();

  ann.publish("arena:1", "first").expect("message");
  (void)g.request(room, meteor_atom_v, 1);
  ann.expect("note");
  ann.publish("arena:1", "second");

  CHECK(ann.expect("message").number("seq") == 3);
}

// -- what a room asks -----------------------------------------------------------------------------

TEST_CASE("a room tells an actor, asks it, and goes on when the answer comes") {
  game g;
  g.use_quick_scores();
  g.script.say = [&](arena& a) { a.tell(g.script.scores, score_atom_v, std::string{"ann"}, 10); };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  ann.say(R"({"type":"say"})").say(R"({"type":"ask"})");

  CHECK(g.quick.noted == std::vector<std::pair<std::string, int>>{{"ann", 10}});
  CHECK(ann.expect("note").text("what") == "best ann");
}

TEST_CASE("an answer that does not come in time is a time-out, by the loop's clock") {
  game g;
  g.use_slow_scores();
  g.script.limit = 2s;
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  ann.say(R"({"type":"ask"})");

  g.world.advance(1980ms);
  CHECK_NOTHROW(ann.expect_nothing());
  g.world.advance(40ms);
  CHECK(ann.expect("note").text("what") == "request_timeout");

  g.answer("ann");
  CHECK_NOTHROW(ann.expect_nothing());
}

TEST_CASE("an answer from an actor that has ended is an error") {
  game g;
  g.use_quick_scores();
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  caf::anon_send_exit(g.script.scores, caf::exit_reason::user_shutdown);
  g.world.settle();

  ann.say(R"({"type":"ask"})");

  CHECK(ann.expect("note").text("what") == "request_receiver_down");
}

TEST_CASE("beyond the bound nobody is asked, and the handler hears of it in a hook of its own") {
  auto options = on_loops(1);
  options.rooms.max_requests = 2;
  game g{options};
  g.use_slow_scores();
  g.script.say = [](arena& a) {
    for (int i = 0; i < 3; ++i)
      a.ask_scores();
    a.note("asked");
  };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  ann.say(R"({"type":"say"})");

  CHECK(g.slow.asked.size() == 2);
  CHECK(ann.expect("note").text("what") == "asked");
  CHECK(ann.expect("note").text("what") == "runtime_error");
  g.answer("ann");
  CHECK(ann.expect("note").text("what") == "best ann");
  ann.say(R"({"type":"ask"})");
  CHECK(g.slow.asked.size() == 2);
}

TEST_CASE("what the handler of an answer throws ends its room") {
  game g;
  g.use_quick_scores();
  g.script.say = [&](arena& a) {
    a.ask(g.script.scores, 1s, top_atom_v)
      .then([](const std::string&) { throw std::runtime_error{"a bug"}; },
            [](const caf::error&) {});
  };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  ann.say(R"({"type":"say"})");

  CHECK(ann.expect("roomClosed").text("reason") == "crashed");
  CHECK(g.world.node().stats().rooms == 0);
  CHECK(g.script.alive == 0);
}

/// Pins that CAF does not let an actor that awaits an answer outlive its end.
TEST_CASE("a room that awaits an answer ends at once, and hears it no more") {
  game g;
  g.use_slow_scores();
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  ann.say(R"({"type":"ask"})");

  SECTION("when its last member leaves") { ann.say(R"({"type":"leave"})").expect("left"); }
  SECTION("when it crashes") {
    (void)g.request(g.find(), bad_atom_v);
    ann.expect("roomClosed");
  }

  CHECK(g.world.node().stats().rooms == 0);
  CHECK(g.script.alive == 0);
  g.answer("ann");
  CHECK(g.script.notes.empty());
}

TEST_CASE("a question whose answer nobody wants is asked all the same") {
  game g;
  g.use_slow_scores();
  g.script.say = [&](arena& a) { (void)a.ask(g.script.scores, 1s, top_atom_v); };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  ann.say(R"({"type":"say"})");
  CHECK(g.slow.asked.size() == 1);
  g.answer("ann");

  CHECK_NOTHROW(ann.expect_nothing());
}

// -- watching -------------------------------------------------------------------------------------

TEST_CASE("a room hears once that an actor has ended") {
  game g;
  g.use_quick_scores();
  g.script.create = [](arena& a) {
    a.watch_scores();
    a.watch_scores();
  };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  caf::anon_send_exit(g.script.scores, caf::exit_reason::user_shutdown);
  g.world.settle();

  CHECK(ann.expect("note").text("what") == "scores gone");
  CHECK_NOTHROW(ann.expect_nothing());
}

/// Pins that the room itself and its behaviour may await the end of the same actor.
TEST_CASE("an actor that a room watches may observe it, too") {
  game g;
  std::vector<actors::room_event::kind> heard;
  auto hear = [&](caf::event_based_actor*) -> caf::behavior {
    return {[&](const actors::room_event& e) { heard.push_back(e.what); }};
  };
  auto onlooker = test::spawn_function(g.world.system(), hear);
  g.script.say = [&](arena& a) {
    a.watch(onlooker, [&a](const caf::error&) { a.note("onlooker gone"); });
  };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  g.world.node().observe("arena:1", onlooker);
  ann.say(R"({"type":"say"})");

  g.world.node().unobserve("arena:1", onlooker);
  g.world.settle();
  g.world.node().observe("arena:1", onlooker);
  g.world.settle();
  caf::anon_send_exit(onlooker, caf::exit_reason::user_shutdown);
  onlooker = nullptr;
  g.world.settle();
  CHECK(ann.expect("note").text("what") == "onlooker gone");
  ann.say(R"({"type":"leave"})").expect("left");

  CHECK(g.world.node().stats().rooms == 0);
}

// -- finding rooms --------------------------------------------------------------------------------

TEST_CASE("a room is found by its name and its interface, wherever it lives") {
  game g{on_loops(3)};
  std::set<unsigned> loops;
  auto& ann = g.world.connect("ann");
  for (int i = 0; loops.size() < 3; ++i) {
    auto name = "arena:" + std::to_string(i);
    loops.insert(g.world.node().loop_of(name));
    ann.join(name).expect("joined");
    CHECK(g.search(name) == "found");
    CHECK(g.search<other_room>(name) == "unexpected_message");
  }
}

TEST_CASE("a room that is not there, or has no interface, is not found") {
  game g{on_loops(2)};
  auto& ann = g.world.connect("ann");
  ann.join("hall").expect("joined");

  CHECK(g.search("arena:1") == "invalid_argument");
  CHECK(g.search("hall") == "unexpected_message");
  CHECK(g.world.node().stats().rooms == 1);
}

TEST_CASE("a room's successor is another actor") {
  game g;
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  auto before = g.find();
  ann.say(R"({"type":"leave"})").expect("left");
  ann.join("arena:1").expect("joined");

  CHECK(g.find() != before);
  CHECK(*g.request(before, meteor_atom_v, 1) == "request_receiver_down");
}

TEST_CASE("who looks for rooms while the node ends finds none, and is told so") {
  game g;
  auto known = g.world.node().rooms_actor();
  g.world.node().request_stop();
  g.world.settle();

  std::string result;
  g.act([&](auto* self) {
    find_room<arena>(self, known, "arena:1", 1s)
      .then([&](const arena_actor&) { result = "found"; },
            [&](const caf::error& why) { result = arena::error_name(why); });
  });

  CHECK(result == "request_receiver_down");
  CHECK_FALSE(g.world.node().rooms_actor());
}

TEST_CASE("a room gives itself to others as an actor") {
  game g;
  arena_actor own;
  g.script.create = [&](arena& a) { own = a.self(); };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  CHECK(*g.request(own, meteor_atom_v, 2) == "2");
  CHECK(own == g.find());
  g.script.create = nullptr;
}

// -- mistakes -------------------------------------------------------------------------------------

TEST_CASE("outside of a hook of its room a behaviour reaches no actor") {
  game g;
  g.use_quick_scores();
  arena stranger{g.script};
  auto only = std::string{"only while a hook of this room runs"};

  CHECK(mistake([&] {
          stranger.tell(g.script.scores, score_atom_v, std::string{}, 1);
        }).starts_with("typed_room::tell: " + only));

  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");
  auto& a = *g.script.made;

  CHECK(mistake([&] { (void)a.room(); }).starts_with("typed_room::room: " + only));
  CHECK(mistake([&] { (void)a.self(); }).starts_with("typed_room::self: " + only));
  CHECK(mistake([&] { a.watch_scores(); }).starts_with("typed_room::watch: " + only));
  CHECK(mistake([&] { a.ask_scores(); }).starts_with("typed_room::ask: " + only));
  CHECK(mistake([&] { (void)a.promise<int>(); }).starts_with("typed_room::promise: " + only));
}

TEST_CASE("another thread reaches no actor through a room whose hook runs") {
  game g;
  g.use_quick_scores();
  std::string said;
  g.script.say = [&](arena& a) {
    std::thread{[&] { said = mistake([&] { a.ask_scores(); }); }}.join();
  };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  ann.say(R"({"type":"say"})");

  CHECK(said.starts_with("typed_room::ask: only while"));
}

TEST_CASE("a null actor and an impossible limit are refused at the call") {
  game g;
  g.use_quick_scores();
  strings said;
  g.script.say = [&](arena& a) {
    scoreboard_actor nobody;
    said = {
      mistake([&] { a.tell(nobody, score_atom_v, std::string{}, 1); }),
      mistake([&] { (void)a.ask(nobody, 1s, top_atom_v); }),
      mistake([&] { a.watch(nobody, [](const caf::error&) {}); }),
      mistake([&] { (void)a.ask(g.script.scores, 0s, top_atom_v); }),
      mistake([&] { (void)a.ask(g.script.scores, 25h, top_atom_v); }),
    };
  };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  ann.say(R"({"type":"say"})");

  CHECK(said
        == strings{"typed_room::tell: the actor is null", "typed_room::ask: the actor is null",
                   "typed_room::watch: the actor is null",
                   "typed_room::ask: its limit is expected to be 1 ms to 24 h",
                   "typed_room::ask: its limit is expected to be 1 ms to 24 h"});
  CHECK_NOTHROW(ann.expect_nothing());
}

TEST_CASE("what a room says while it ends reaches other actors, and no answer reaches it") {
  game g;
  g.use_quick_scores();
  g.script.leave = [&](arena& a) {
    a.tell(g.script.scores, score_atom_v, std::string{"last"}, 1);
    a.ask_scores();
  };
  auto& ann = g.world.connect("ann");
  ann.join("arena:1").expect("joined");

  g.world.node().room("arena:1").end();
  g.world.settle();

  CHECK(g.quick.noted.size() == 1);
  CHECK(g.script.notes.empty());
  CHECK(g.script.alive == 0);
}
