// When a large room tells of changes among its users.
#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <memory>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

namespace {

actors::node_options gathering(unsigned loops = 1) {
  actors::node_options o;
  o.loops = loops;
  o.gather_beyond = 2;
  o.heartbeat.interval = 0ms;
  return o;
}

} // namespace

// Pins §5.22, §5.23.
TEST_CASE("changes of a large room are told once a second, and a quiet room tells nothing") {
  manual_node world{gathering()};
  client ann{world}, bob{world, encoding::v1_json, 0, {}, "bob"},
    cid{world, encoding::v1_json, 0, {}, "cid"}, eve{world, encoding::v1_json, 0, {}, "eve"},
    fay{world, encoding::v1_json, 0, {}, "fay"};
  for (auto* c : {&ann, &bob, &cid})
    c->join("r");
  world.settle();
  CHECK(ann.heard("userJoined", "userId") == strings{"bob", "cid"});

  eve.join("r");
  world.pass(500ms);
  fay.join("r");
  world.pass(490ms);
  CHECK(ann.texts().empty());
  world.pass(20ms);
  CHECK(ann.heard("$presence", "joined") == strings{R"([{"userId":"eve"},{"userId":"fay"}])"});
  world.pass(3s);
  CHECK(ann.texts().empty());

  eve.session.disconnect();
  world.pass(1010ms);
  CHECK(ann.heard("$presence", "left") == strings{R"([{"userId":"eve","reason":"disconnected"}])"});
}

TEST_CASE("a room that ends with gathered changes is not woken for them") {
  manual_node world{gathering()};
  auto clients = std::vector<std::unique_ptr<client>>{};
  for (auto* user : {"ann", "bob", "cid", "eve"}) {
    clients.push_back(
      std::make_unique<client>(world, encoding::v1_json, 0u, actors::outbox::bounds{}, user));
    clients.back()->join("r");
  }
  world.settle();

  for (auto& c : clients)
    c->say(R"({"type":"leave"})");
  world.settle();
  REQUIRE(world.node.stats().rooms == 0);
  clients[0]->join("r");
  world.pass(2s);

  CHECK(clients[0]->heard("$presence", "total").empty());
}

// Pins §5.22.
TEST_CASE("changes that fall due while the room is at work come behind that work") {
  manual_node world{gathering(2)};
  auto room = world.room_on(0);
  client ann{world, encoding::v1_json, 0, {}, "ann"}, bob{world, encoding::v1_json, 1, {}, "bob"},
    cid{world, encoding::v1_json, 0, {}, "cid"}, eve{world, encoding::v1_json, 0, {}, "eve"};
  for (auto* c : {&ann, &bob, &cid, &eve}) {
    c->join(room);
    world.settle();
  }
  (void)ann.texts();
  world.pass(990ms);

  world.clock.advance(20ms);
  bob.publish(room, "first");
  for (int i = 0; i < 5; ++i) // what bob says waits for the room
    world.node.loop(1).run_turn();
  world.settle();

  CHECK(types_of(ann.texts()) == strings{"message", "$presence"});
}
