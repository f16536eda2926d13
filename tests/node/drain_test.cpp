#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::drain_kind;
using strings = std::vector<std::string>;

namespace {

using crowd = std::vector<std::unique_ptr<client>>;

crowd people(manual_node& world, int n) {
  crowd all;
  for (int i = 0; i < n; ++i)
    all.push_back(std::make_unique<client>(world, encoding::v1_json,
                                           static_cast<unsigned>(i) % world.node.loops()));
  world.settle();
  return all;
}

std::ptrdiff_t told(crowd& all) {
  return std::count_if(all.begin(), all.end(), [](auto& c) { return c->close_code() != 0; });
}

} // namespace

// Pins §15.1.
TEST_CASE("before a restart everybody is told when to come back, then closed with 1012") {
  manual_node world;
  client v1{world}, plain{world, encoding::plain_json};
  world.settle();
  (void)v1.texts();

  world.node.drain(drain_kind::restart, 1s);
  world.settle();

  auto texts = v1.texts();
  REQUIRE(types_of(texts) == strings{"goodbye"});
  protocol::document_view goodbye{protocol::codec::json, texts[0]};
  CHECK(goodbye.string("reason") == "restart");
  CHECK(goodbye.raw("reconnectAfterMs") == "[500,5000]");
  CHECK(v1.close_code() == 1012);
  CHECK(plain.texts().empty());
  CHECK(plain.close_code() == 1012);
}

// Pins §15.2.
TEST_CASE("before a final stop nobody is told to come back: 1001") {
  manual_node world;
  client v1{world};
  world.settle();
  (void)v1.texts();

  world.node.drain(drain_kind::shutdown, 1s);
  world.settle();

  auto texts = v1.texts();
  REQUIRE(types_of(texts) == strings{"goodbye"});
  CHECK(protocol::document_view{protocol::codec::json, texts[0]}.raw("reconnectAfterMs").empty());
  CHECK(v1.close_code() == 1001);
}

// Pins §13.11, §15.10.
TEST_CASE("what was said before the goodbye arrives before it") {
  manual_node world;
  client ann{world}, slow{world};
  ann.join("r");
  slow.join("r");
  world.settle();
  (void)slow.texts();
  slow.session.set_window(0);
  ann.publish("r", "last words");
  world.settle();

  world.node.drain(drain_kind::restart, 1s);
  world.settle();
  slow.session.set_window(std::nullopt);

  CHECK(types_of(slow.texts()) == strings{"message", "goodbye"});
  CHECK(slow.close_code() == 1012);
}

// Pins §15.9.
TEST_CASE("goodbyes come in batches of a hundred, one every 50 ms") {
  manual_node world;
  auto all = people(world, 250);

  world.node.drain(drain_kind::restart, 1s);
  world.settle();
  auto at_once = told(all);
  world.pass(40ms);
  auto before_the_second = told(all);
  world.pass(30ms);
  auto second = told(all);
  world.pass(50ms);

  CHECK(at_once == 100);
  CHECK(before_the_second == 100);
  CHECK(second == 200);
  CHECK(told(all) == 250);
}

TEST_CASE("a large crowd gets larger batches, so that all are told in the given time") {
  manual_node world;
  auto all = people(world, 1000);

  world.node.drain(drain_kind::restart, 200ms);
  world.settle();
  auto at_once = told(all);
  world.pass(200ms);

  CHECK(at_once < 500);
  CHECK(told(all) == 1000);
}

TEST_CASE("each loop says goodbye to its own, at the same time") {
  actors::node_options options;
  options.loops = 2;
  manual_node world{options};
  auto all = people(world, 200);

  world.node.drain(drain_kind::restart, 0ms);
  world.settle();

  CHECK(told(all) == 200);
}

TEST_CASE("who goes before its turn is left alone, and nobody else is forgotten") {
  manual_node world;
  auto all = people(world, 150);
  world.node.drain(drain_kind::restart, 1s);
  world.settle();

  auto waiting = std::find_if(all.begin(), all.end(), [](auto& c) { return c->close_code() == 0; });
  (*waiting)->session.disconnect();
  world.pass(60ms);

  CHECK(told(all) == 149);
}

TEST_CASE("a client that has been told is not heard any more") {
  manual_node world;
  client ann{world}, bob{world};
  ann.join("r");
  bob.join("r");
  world.settle();

  world.node.drain(drain_kind::restart, 1s);
  world.settle();
  ann.publish("r", "still here");
  world.settle();

  CHECK(bob.heard("message", "text").empty());
}

TEST_CASE("a node without connections drains and stops") {
  manual_node world;

  world.node.drain(drain_kind::shutdown, 0ms);
  world.settle();
  world.node.stop();

  CHECK(world.node.stats().connections == 0);
}

/// Pins (under the address sanitizer) that what is left of a drain does not outlive its loop.
TEST_CASE("a node may be stopped while it says goodbye") {
  manual_node world;
  auto all = people(world, 250);
  world.node.drain(drain_kind::restart, 1s);
  world.settle();

  all.clear();
  world.node.stop();

  CHECK(world.node.loop(0).pinned_actors() == 0);
}

// -- before the goodbye ---------------------------------------------------------------------------

namespace {

/// Notes each hook that its room calls, and broadcasts in each.
struct diary final : actors::room_behavior {
  explicit diary(strings& l) : log(l) {}
  void on_leave(actors::room_context& room, const actors::member& who,
                actors::leave_reason why) override {
    log.push_back(who.user_id + ' ' + std::string{to_string(why)});
    room.broadcast("gone", {{"who", who.user_id}});
  }
  void on_close(actors::room_context& room) override {
    log.push_back("close");
    room.broadcast("closing", {});
  }
  strings& log;
};

} // namespace

// Pins §15.6.
TEST_CASE(
  "once reading has stopped nothing that a client says is heard, and its pings are not missed") {
  manual_node world;
  client ann{world}, bob{world};
  ann.join("r");
  bob.join("r");
  world.settle();
  (void)bob.texts();

  world.node.stop_reading();
  world.settle();
  ann.publish("r", "too late");
  world.pass(500ms);

  CHECK(bob.heard("message", "text").empty());
  CHECK(ann.session.unread() == 1);
  CHECK(world.node.has_handled_all());
}

// Pins §15.6.
TEST_CASE("a node settles once what was read has taken effect, on each of its loops") {
  actors::node_options options;
  options.loops = 2;
  manual_node world{options};
  client ann{world, encoding::v1_json, 0}, bob{world, encoding::v1_json, 1};
  ann.join("r");
  bob.join("r");
  world.settle();
  (void)bob.texts();
  for (int i = 0; i < 20; ++i)
    ann.publish("r", std::to_string(i));

  world.node.stop_reading();
  CHECK(!world.node.has_handled_all());
  world.pass(100ms);

  CHECK(world.node.has_handled_all());
  CHECK(ann.session.held_messages() == 0);
  CHECK(bob.heard("message", "text").size() == 20);
}

TEST_CASE("a client that comes while the node does not read is let in, and not heard") {
  manual_node world;
  world.node.stop_reading();
  world.settle();
  client late{world};
  late.join("r");
  world.settle();

  CHECK(types_of(late.texts()) == strings{"welcome"});
  world.node.drain(drain_kind::restart, 0ms);
  world.settle();
  CHECK(late.close_code() == 1012);
}

// Pins §15.7.
TEST_CASE(
  "rooms that end before the goodbye tell their behaviours, and their members nothing of it") {
  strings log;
  manual_node world{{.announce = false}};
  world.node.rooms("r", [&](auto) { return std::make_unique<diary>(log); });
  client ann{world, encoding::v1_json, 0, {}, "ann"};
  ann.join("r");
  world.settle();
  (void)ann.texts();

  world.node.stop_reading();
  world.settle();
  world.node.end_rooms();
  world.settle();
  auto rooms_left = world.node.stats().rooms;
  world.node.drain(drain_kind::restart, 0ms);
  world.settle();

  auto types = types_of(ann.texts());
  CHECK(rooms_left == 0);
  CHECK(log == strings{"ann closed", "close"});
  CHECK(std::find(types.begin(), types.end(), "roomClosed") == types.end());
  REQUIRE(!types.empty());
  CHECK(types.back() == "goodbye");
  CHECK(ann.close_code() == 1012);
}

TEST_CASE("once rooms have ended handles say gone, and the node stops as ever") {
  manual_node world;
  client ann{world};
  ann.join("r");
  world.settle();
  auto room = world.node.room("r");

  world.node.end_rooms();
  world.settle();
  auto said = room.publish("x", {});
  world.node.stop();

  CHECK(said == actors::publish_result::gone);
  CHECK(world.node.loop(0).pinned_actors() == 0);
  CHECK(ann.session.ended());
}
