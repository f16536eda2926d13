// Stops a node once for each allocation of the stop, and makes that one fail.
#include "node/manual_node.hpp"
#include "support/replaced_allocator.hpp"

#include <catch2/catch.hpp>

#include <array>
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
  o.rooms.linger = 0ms;
  return o;
}

constexpr unsigned people = 4;
constexpr unsigned places = 2;

/// How often a room was told that a user came, and that the user went.
struct stay {
  int came = 0;
  int went = 0;
};

using stays = std::array<stay, people>; ///< in one room, by user id

/// Notes who comes and goes; allocates nothing.
struct noting final : actors::room_behavior {
  explicit noting(stays& s) : all(s) {}
  void on_join(actors::room_context&, const actors::member& who) override { ++of(who).came; }
  void on_leave(actors::room_context&, const actors::member& who, actors::leave_reason) override {
    ++of(who).went;
  }
  stay& of(const actors::member& who) {
    return all.at(static_cast<std::size_t>(who.user_id.at(0) - '0'));
  }
  stays& all;
};

/// A node with clients of all kinds.
struct crowded {
  crowded() {
    for (unsigned i = 0; i < places; ++i)
      world.node.rooms(world.room_on(i),
                       [this, i](auto) { return std::make_unique<noting>(rooms[i]); });
    actors::endpoint_handlers on;
    on.on_close = [this](auto&, auto, auto) { ++raw_ends; };
    place = world.node.make_endpoint("/raw", on);
    for (unsigned i = 0; i < people; ++i) {
      auto encoding = i % 2 == 0 ? encoding::v1_json : encoding::plain_json;
      clients.push_back(std::make_unique<test::client>(
        world, encoding, i / 2, actors::outbox::bounds{}, std::to_string(i)));
      clients.back()->join(world.room_on(i % places));
    }
    raw = std::make_unique<testing::memory_session>(
      world.node, world.node.loop(1),
      actors::connection_info{encoding::plain_json, {}, {}, place.state()});
    world.settle();
    clients[0]->join(world.room_on(1)); // this join is under way when the node stops
  }

  std::array<stays, places> rooms{};
  int raw_ends = 0;
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
    c.world.pass(100ms); // what failed for lack of memory is soon tried again
    test::disarm();
    failed = test::has_failed();

    INFO("allocation " << n);
    for (unsigned room = 0; room < places; ++room)
      for (unsigned who = 0; who < people; ++who) {
        auto [came, went] = c.rooms[room][who];
        auto stayed = who % places == room;
        auto was_under_way = who == 0 && room == 1;
        CAPTURE(room, who, came, went);
        REQUIRE(went <= 1);
        if (was_under_way)
          REQUIRE(came <= went); // a join that fails halfway may be told as a leave only
        else
          REQUIRE((came == went && went == (stayed ? 1 : 0)));
      }
    REQUIRE(c.raw_ends == 1);
    REQUIRE(c.raw->ended());
    for (auto& client : c.clients)
      REQUIRE(client->session.ended());
    REQUIRE(c.world.node.stats().rooms == 0);
    for (unsigned i = 0; i < c.world.node.loops(); ++i)
      REQUIRE(c.world.node.loop(i).pinned_actors() == 0);
  }
  CHECK(n > 20);
}
