#include "onlooker.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

// -- entering, hearing, leaving -------------------------------------------------------------------

TEST_CASE("an actor that enters a room is told so, then gets what a troupe.v1 JSON client gets") {
  observed_node r;
  client ann{r.world};
  ann.join("r");
  r.world.settle();
  r.observe("r");
  (void)ann.texts();

  ann.publish("r", "hello");
  r.publish(1);

  auto events = r.watcher.take();
  REQUIRE(events.size() == 3);
  CHECK(events[0].what == joined);
  CHECK(events[0].name == "r");
  CHECK(strings{std::string{events[1].json()}, std::string{events[2].json()}} == ann.texts());
  CHECK(events[1].room == events[0].room);
}

TEST_CASE("it gets its JSON also where no client speaks it") {
  observed_node r;
  client plain{r.world, encoding::plain_json};
  plain.join("r");
  r.world.settle();
  r.observe("r");

  plain.say(R"({"type":"message","text":"hello"})");
  r.world.settle();

  auto events = r.watcher.take();
  REQUIRE(events.size() == 2);
  CHECK(type_of(events[1].json()) == "message");
}

/// Pins that the JSON text ends where its frame ends: the raw bytes follow in a frame of their own.
TEST_CASE("a binary message is told by its JSON frame") {
  observed_node r;
  client ann{r.world};
  ann.join("r");
  r.world.settle();
  r.observe("r");

  ann.session.say("\x01\x02", true);
  r.world.settle();

  auto events = r.watcher.take();
  REQUIRE(events.size() == 2);
  CHECK(type_of(events[1].json()) == "binary");
  CHECK(events[1].json().ends_with('}'));
  CHECK(events[1].bytes.view().ends_with("\x01\x02"));
}

TEST_CASE("entering twice is entering once") {
  observed_node r;

  r.observe("r");
  r.observe("r");
  r.publish(1);

  CHECK(r.watcher.take_kinds() == kinds{joined, frame});
}

TEST_CASE("an actor that leaves hears nothing more, and its room ends if nobody else is in it") {
  observed_node r;
  r.observe("r");
  r.publish(1);
  auto rooms = r.world.node.stats().rooms;

  r.world.node.unobserve("r", r.watcher.handle());
  r.world.settle();
  r.publish(1);

  CHECK(rooms == 1);
  CHECK(r.watcher.take_kinds() == kinds{joined, frame});
  CHECK(r.world.node.stats().rooms == 0);
}

TEST_CASE("a room with a server-side member outlives its clients") {
  observed_node r;
  client ann{r.world};
  ann.join("r");
  r.observe("r");

  ann.session.disconnect();
  r.world.pass(1min);
  r.publish(1);

  CHECK(r.world.node.stats().rooms == 1);
  CHECK(r.watcher.take_kinds().back() == frame);
}

/// Pins that an ended actor is not kept as a member.
TEST_CASE("an actor that ends is a member no longer") {
  observed_node r;
  {
    onlooker other{r.world.system};
    r.world.node.observe("r", other.handle());
    r.world.settle();
  }
  r.world.pass(1s);
  r.publish(1);

  CHECK(r.world.node.stats().rooms == 0);
}

TEST_CASE("an actor that cannot enter is told so") {
  actors::node_options options;
  options.rooms.max_rooms = 1;
  observed_node r{options};
  client ann{r.world};
  ann.join("first");
  r.world.settle();

  r.observe("second");

  auto events = r.watcher.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == refused);
  CHECK(events[0].name == "second");
}

// -- the room's end -------------------------------------------------------------------------------

TEST_CASE("an actor is told when its room ends in order") {
  observed_node r;
  client ann{r.world};
  ann.join("r");
  r.world.settle();
  r.observe("r");

  ann.say(R"({"type":"end","roomId":"r"})");
  r.world.settle();

  CHECK(r.watcher.take_kinds() == kinds{joined, closed});
}

/// Pins that a crash is an end like any other: members hear of it.
TEST_CASE("an actor is told when its room crashes") {
  observed_node r;
  client ann{r.world};
  ann.join("r");
  r.world.settle();
  r.observe("r");

  ann.say(R"({"type":"boom","roomId":"r"})");
  r.world.settle();

  CHECK(ann.heard("roomClosed", "reason") == strings{"crashed"});
  CHECK(r.watcher.take_kinds() == kinds{joined, closed});
}

TEST_CASE("an actor is told when the node stops") {
  observed_node r;
  r.observe("r");

  r.world.node.request_stop();
  r.world.settle();

  CHECK(r.watcher.take_kinds() == kinds{joined, closed});
}

/// Pins that a gap at the very end is told, too. Otherwise the actor believes that it has heard
/// everything.
TEST_CASE("an actor that is behind when its room ends is told its gap first") {
  observed_node r;
  client ann{r.world};
  ann.join("r");
  r.world.settle();
  r.observe("r", at_most(2, behind_policy::drop));

  r.publish(5);
  ann.say(R"({"type":"end","roomId":"r"})");
  r.world.settle();

  CHECK(r.watcher.take_kinds() == kinds{joined, frame, gap, closed});
}

TEST_CASE("an actor is refused by names that no room can have, and a null one at the call") {
  observed_node r;
  for (auto name : {std::string{}, std::string(200, 'x'), std::string{"\xff"}}) {
    r.observe(name);
    CHECK(r.watcher.take_kinds() == kinds{refused});
  }
  CHECK(r.world.node.stats().rooms == 0);
  CHECK_THROWS_AS(r.world.node.observe("r", {}), std::invalid_argument);
}

/// Pins the moment between the shard's decision to end a room and the room's own end: an actor that
/// enters then gets an answer.
TEST_CASE(
  "an actor that enters a room while it ends is let into its successor or refused, not forgotten") {
  actors::node_options options;
  options.loops = 2;
  observed_node r{options};
  auto room = r.world.room_on(1);
  client ann{r.world};
  ann.join(room);
  r.world.settle();

  ann.say(R"({"type":"leave","roomId":")" + room + "\"}");
  while (r.world.node.loop(0).run_turn()) {}
  r.observe(room); // the leave and this request reach the room's loop together

  auto heard = r.watcher.take_kinds();
  REQUIRE_FALSE(heard.empty());
  CHECK((heard.front() == joined || heard.front() == refused));
}

/// Pins (under the address sanitizer) that the end of the node frees nothing in the mailboxes of
/// actors that outlive it.
TEST_CASE("a frame that an actor keeps outlives its room and its node") {
  std::vector<room_event> kept;
  {
    observed_node r;
    r.observe("r");
    r.publish(1);
    kept = r.watcher.take();
  }

  REQUIRE(kept.size() == 2);
  CHECK(type_of(kept[1].json()) == "n");
}

TEST_CASE("a room ends whose only server-side member died just before it was taken out") {
  observed_node r;
  auto gone = std::make_unique<onlooker>(r.world.system);
  auto who = gone->handle();
  r.world.node.observe("r", who);
  r.world.settle();
  REQUIRE(r.world.node.stats().rooms == 1);

  gone.reset();
  r.world.node.unobserve("r", who);
  r.world.settle();

  CHECK(r.world.node.stats().rooms == 0);
}
