// Nodes that are stopped while memory is short: once for each allocation, which fails.
#include "failing_allocator.hpp"
#include "transport/manual_node.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using protocol::encoding;
using namespace std::chrono_literals;

namespace {

actors::node_options small() {
  actors::node_options o;
  o.loops = 2;
  o.connections.messages_per_second = 0;
  return o;
}

/// Counts those who came and went.
struct counting final : actors::room_behavior {
  explicit counting(int& n) : inside(n) {}
  void on_join(actors::room_context&, const actors::member&) override { ++inside; }
  void on_leave(actors::room_context&, const actors::member&, actors::leave_reason) override { --inside; }
  int& inside;
};

/// A node with clients of all kinds.
struct crowded {
  crowded() {
    world.node.rooms("*", [this](auto) { return std::make_unique<counting>(inside); });
    actors::endpoint_handlers on;
    on.on_close = [this](auto&, auto, auto) { --inside; };
    place = world.node.make_endpoint("/raw", on);
    for (unsigned i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<test::client>(world, i % 2 == 0 ? encoding::v1_json : encoding::plain_json, i / 2));
      clients.back()->join(world.room_on(i % 2));
    }
    raw = std::make_unique<testing::memory_session>(world.node, world.node.loop(1),
                                                    actors::connection_info{encoding::plain_json, {}, {}, place.state()});
    ++inside;
    world.settle();
    clients[0]->join(world.room_on(1)); // is under way when it stops
  }

  int inside = 0;
  test::manual_node world{small()};
  actors::endpoint place;
  std::vector<std::unique_ptr<test::client>> clients;
  std::unique_ptr<testing::memory_session> raw;
};

} // namespace

TEST_CASE("a node stops and tells everybody, whichever allocation fails meanwhile") {
  std::size_t n = 0;
  for (bool failed = true; failed; ++n) {
    crowded c;
    test::arm(n);
    c.world.node.request_stop();
    c.world.settle();
    c.world.pass(100ms); // what there was no memory for is tried again soon
    test::disarm();
    failed = test::has_failed();

    INFO("allocation " << n);
    REQUIRE(c.inside <= 0); // whoever fails while it is let in goes without having come
    REQUIRE(c.world.node.stats().rooms == 0);
    for (unsigned i = 0; i < 2; ++i)
      REQUIRE(c.world.node.loop(i).pinned_actors() == 0);
  }
  CHECK(n > 20);
}
