#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

namespace {

/// Runs only one loop; the others stand still.
void run_only(manual_node& world, unsigned loop) {
  while (world.node.loop(loop).run_turn()) {}
}

actors::node_options two_loops(actors::credit_limits credits) {
  actors::node_options o;
  o.loops = 2;
  o.connections.credits = credits;
  return o;
}

} // namespace

// Pins §4.54.
TEST_CASE("a client is read while it has credit; the rest waits outside and is read once credit "
          "comes back") {
  manual_node world{two_loops({4, 1 << 20})};
  auto room = world.room_on(1);
  client ann{world};
  strings said;

  ann.join(room);
  for (int i = 0; i < 10; ++i)
    ann.publish(room, said.emplace_back(std::to_string(i)));
  run_only(world, 0); // the room's loop stands still: the join is pending and what follows waits
  auto unread = ann.session.unread();
  auto held = ann.session.held_messages();
  world.settle();

  CHECK(held == 4);
  CHECK(unread == 7);
  CHECK(ann.session.unread() == 0);
  CHECK(ann.session.held_messages() == 0);
  CHECK(ann.heard("message", "text") == said);
}

// Pins §4.54, §16.25.
TEST_CASE("of a client's commands 32 wait, or 128 KiB and one largest message, and no more") {
  constexpr std::size_t largest = 64 * 1024 - 64; // bytes of its text
  for (auto [bytes, most] : {std::pair{std::size_t{1}, 32u}, {largest, 4u}}) {
    manual_node world{two_loops({})};
    auto room = world.room_on(1);
    client ann{world};

    ann.join(room);
    for (int i = 0; i < 40; ++i)
      ann.publish(room, std::string(bytes, 'x'));
    run_only(world, 0);

    CHECK(41 - ann.session.unread() == most);
    CHECK(ann.session.held_messages() == most);
  }
}

TEST_CASE("bytes are credit, too: one message may go below zero, the next one waits") {
  manual_node world{two_loops({32, 1000})};
  auto room = world.room_on(1);
  client ann{world};

  ann.join(room);
  ann.publish(room, std::string(5000, 'x'));
  ann.publish(room, "y");
  run_only(world, 0);
  auto unread = ann.session.unread();
  world.settle();

  CHECK(unread == 1);
  CHECK(ann.heard("message", "text").size() == 2);
}

TEST_CASE("who is out of credit does not keep others from being read") {
  manual_node world{two_loops({2, 1 << 20})};
  auto room = world.room_on(1);
  client ann{world}, bob{world};
  ann.join(room);
  for (int i = 0; i < 10; ++i)
    ann.publish(room, "x");

  bob.say(R"({"type":"ping"})");
  run_only(world, 0);

  CHECK(ann.session.unread() > 0);
  CHECK(bob.heard("pong", "type") == strings{"pong"});
}

TEST_CASE("a client that ends while it is out of credit gives all of it back") {
  manual_node world{two_loops({2, 1 << 20})};
  auto room = world.room_on(1);
  client ann{world};
  ann.join(room);
  for (int i = 0; i < 10; ++i)
    ann.publish(room, "x");
  run_only(world, 0);

  ann.session.disconnect();
  world.pass(11s); // long enough for a room that nobody enters to end

  CHECK(ann.session.held_messages() == 0);
  CHECK(world.node.stats().connections == 0);
  CHECK(world.node.stats().rooms == 0);
}

TEST_CASE("a stalled member does not hold back the credit of the one who speaks") {
  manual_node world;
  client ann{world}, slow{world};
  ann.join("r");
  slow.join("r");
  world.settle();
  slow.session.set_window(0);

  for (int i = 0; i < 100; ++i) {
    ann.publish("r", "x");
    world.settle();
  }

  CHECK(ann.session.unread() == 0);
  CHECK(ann.session.held_messages() == 0);
}

// Pins §4.58, §16.34.
TEST_CASE("who has half of its output still to take is heard once it has taken it, and is not cut "
          "for what it brings upon itself") {
  manual_node world;
  client ann{world, encoding::v1_json, 0, {1024 * 1024, 64}};
  ann.join("r");
  world.settle();
  (void)ann.texts();
  strings said;

  ann.session.set_window(0);
  for (int i = 0; i < 100; ++i) {
    ann.publish("r", said.emplace_back(std::to_string(i)));
    world.settle();
  }
  auto unread = ann.session.unread();
  ann.session.set_window(std::nullopt);
  world.settle();

  CHECK(unread == 100 - 33 - 4); // one more than half of 64 frames, and a sixteenth
  CHECK(ann.session.unread() == 0);
  CHECK(ann.heard("message", "text") == said);
}

// Pins §4.57.
TEST_CASE("who takes nothing is not heard, and ends by the deadline of writing") {
  manual_node world;
  client ann{world, encoding::v1_json, 0, {1024 * 1024, 128}, {}, transport::session_deadlines{}};
  ann.join("r");
  world.settle();

  ann.session.set_window(0);
  for (int i = 0; i < 100; ++i)
    ann.publish("r", "x");
  world.settle();
  world.pass(9s);
  auto ended_early = ann.session.ended();
  world.pass(2s);

  CHECK_FALSE(ended_early);
  CHECK(ann.session.ended());
}

// Pins §4.58.
TEST_CASE("who lags because of others is still heard to leave") {
  manual_node world;
  client ann{world, encoding::v1_json, 0, {1024 * 1024, 64}}, bob{world};
  ann.join("r");
  bob.join("r");
  world.settle();
  ann.session.set_window(0);
  for (int i = 0; i < 50; ++i) {
    bob.publish("r", "much");
    world.settle();
  }
  (void)bob.texts();
  ann.say(R"({"type":"leave","roomId":"r"})");
  world.settle();

  CHECK(ann.session.unread() == 0);
  CHECK(bob.heard("userLeft", "roomId") == strings{"r"});
}
