#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// Says 20,000 bytes whenever a request to its only member is over, which it asks every 10 ms: so
/// nothing but its own output grows. Under pressure it says nothing, if it heeds that.
struct broadcaster final : actors::room_behavior {
  broadcaster(std::vector<double>& n, bool h) : told(n), heeds(h) {}
  void on_join(actors::room_context& room, const actors::member& m) override { go_on(room, m.key); }
  void on_pressure(actors::room_context&, double pressure) override {
    told.push_back(pressure);
    is_quiet = heeds && pressure >= 1;
  }
  void go_on(actors::room_context& room, actors::session_key member) {
    if (!is_quiet)
      room.broadcast("state", {{"text", std::string(20'000, 'x')}});
    room.ask(member, {}, 10ms, [this](actors::room_context& of, const actors::request_result& r) {
      if (r.code == protocol::errc::timed_out)
        go_on(of, r.who);
    });
  }
  std::vector<double>& told;
  bool heeds, is_quiet = false;
};

} // namespace

// Pins §16.10.
TEST_CASE("a node's room hears that a loop does not take its output, and lives if it heeds that") {
  for (bool heeds : {true, false}) {
    std::vector<double> told;
    actors::node_options o;
    o.loops = 2;
    o.rooms.max_pending_bytes = 100'000;
    o.rooms.history = false;
    o.heartbeat.interval = 0ms;
    manual_node world{o};
    world.node.rooms("*", [&](auto) { return std::make_unique<broadcaster>(told, heeds); });
    auto room = world.room_on(0);
    client ann{world, encoding::v1_json, 1, {64 << 20, 100'000}};
    ann.join(room);
    world.settle();
    (void)ann.texts();

    // The member's loop stands still, and the room's goes on.
    for (int i = 0; i < 100; ++i) {
      world.clock.advance(10ms);
      while (world.node.loop(0).run_turn())
        ;
    }
    world.settle();
    world.pass(20ms);

    auto types = types_of(ann.texts());
    REQUIRE_FALSE(types.empty());
    CHECK((types.back() == "roomClosed") == !heeds);
    REQUIRE_FALSE(told.empty());
    CHECK(told[0] >= 1);
    if (heeds) {
      REQUIRE(told.size() == 2);
      CHECK(told[1] <= 0.5);
    }
  }
}
