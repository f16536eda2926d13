// Handles, sessions and events that the application keeps after the end of their node. Run under
// sanitizers, the tests show that nothing freed is used.
#include "onlooker.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::publish_result;

namespace {

/// An endpoint that keeps the connections it has seen.
struct keeping_endpoint {
  explicit keeping_endpoint(actors::node& node) : at(node.make_endpoint("/raw", handlers())) {}

  actors::endpoint_handlers handlers() {
    actors::endpoint_handlers on;
    on.on_open = [this](const actors::raw_connection& c) { kept.push_back(c); };
    return on;
  }

  std::vector<actors::raw_connection> kept;
  actors::endpoint at;
};

actors::connection_info raw_client_of(const keeping_endpoint& e) {
  return {encoding::plain_json, {}, {}, e.at.state(), std::make_shared<const actors::handshake>()};
}

void use_all(const actors::raw_connection& c) {
  c.send("late");
  c.send_binary("late");
  c.ping("p");
  c.close(1000, "bye");
  c.terminate();
  (void)c.buffered_bytes();
  (void)c.request();
}

} // namespace

TEST_CASE("a handle of a room says gone once its node ends, and after it") {
  auto world = std::make_unique<manual_node>();
  auto before = world->node.room("r");
  auto while_it_runs = before.publish("x", {{"a", 1}});

  world->node.request_stop();
  auto while_it_ends = before.publish("x", {{"a", 1}});
  auto made_late = world->node.room("r").publish("x", {});
  world->node.stop();
  auto once_it_has = before.publish("x", {{"a", 1}});
  world.reset();

  CHECK(while_it_runs == publish_result::accepted);
  CHECK(while_it_ends == publish_result::gone);
  CHECK(once_it_has == publish_result::gone);
  CHECK(made_late == publish_result::gone);
  CHECK(before.publish("x", {{"a", 1}}) == publish_result::gone);
}

TEST_CASE("a handle that names no room that could be says gone") {
  manual_node world;

  CHECK(actors::room_handle{}.publish("x", {}) == publish_result::gone);
  CHECK(world.node.room("").publish("x", {}) == publish_result::gone);
  CHECK(world.node.room(std::string(500, 'x')).publish("x", {}) == publish_result::gone);
  CHECK(world.node.room("r").publish("x", {}) == publish_result::accepted);
}

TEST_CASE("a broadcast of an endpoint says gone once its node ends, and after it") {
  auto world = std::make_unique<manual_node>();
  keeping_endpoint e{world->node};
  auto peer =
    std::make_unique<testing::memory_session>(world->node, world->node.loop(0), raw_client_of(e));
  world->settle();
  auto while_it_runs = e.at.broadcast("x");
  auto clients_then = e.at.client_count();
  world->settle();
  auto heard = peer->take_frames().size();

  world->node.request_stop();
  auto while_it_ends = e.at.broadcast("x");
  world->node.stop();
  auto once_it_has = e.at.broadcast("x");
  peer.reset();
  world.reset();

  CHECK(while_it_runs == publish_result::accepted);
  CHECK(clients_then == 1);
  CHECK(heard == 1);
  CHECK(while_it_ends == publish_result::gone);
  CHECK(once_it_has == publish_result::gone);
  CHECK(e.at.broadcast("x") == publish_result::gone);
  CHECK(e.at.broadcast_binary("x") == publish_result::gone);
  CHECK(e.at.clients().empty());
  CHECK(e.at.client_count() == 0);
  CHECK(actors::endpoint{}.broadcast("x") == publish_result::gone);
  CHECK(actors::endpoint{}.client_count() == 0);
}

TEST_CASE("a raw connection does nothing after its node") {
  auto world = std::make_unique<manual_node>();
  keeping_endpoint e{world->node};
  auto peer =
    std::make_unique<testing::memory_session>(world->node, world->node.loop(0), raw_client_of(e));
  world->settle();
  REQUIRE(e.kept.size() == 1);

  world->node.stop();
  auto goodbyes = peer->take_frames().size();
  use_all(e.kept[0]);
  (void)e.at.broadcast_except(e.kept[0], "x");
  auto late = peer->take_frames().size();
  peer.reset();
  world.reset();

  use_all(e.kept[0]);
  CHECK(goodbyes <= 1);
  CHECK(late == 0);
  CHECK(e.kept[0].state() == actors::connection_state::closed);
}

TEST_CASE("a raw connection of a node that has gone is not taken for one of another node's") {
  auto first = std::make_unique<manual_node>();
  keeping_endpoint e{first->node};
  auto peer =
    std::make_unique<testing::memory_session>(first->node, first->node.loop(0), raw_client_of(e));
  first->settle();
  peer.reset();
  first.reset();
  manual_node second; // perhaps at the address of the first one
  client ann{second};
  second.settle();
  (void)ann.texts();

  second.node.loop(0).post([&] { use_all(e.kept[0]); });
  second.settle();

  CHECK(ann.texts().empty());
  CHECK(!ann.session.ended());
}

TEST_CASE("a session outlives its node, with what it was sent and has not taken") {
  auto world = std::make_unique<manual_node>();
  testing::memory_session slow{world->node, world->node.loop(0), {encoding::v1_json, "u"}};
  slow.say(R"({"type":"join","roomId":"r"})");
  world->settle();
  slow.set_window(0);
  slow.say(R"({"type":"message","text":"hello"})");
  world->settle();
  auto kept = slow.queued_bytes();

  world.reset();

  CHECK(kept > 0);
  CHECK(slow.ended());
}

TEST_CASE("an event of a room outlives its node") {
  auto r = std::make_unique<observed_node>();
  client ann{r->world};
  ann.join("r");
  r->world.settle();
  r->observe("r");
  ann.publish("r", "hello");
  r->world.settle();
  auto events = r->watcher.take();
  REQUIRE(!events.empty());
  ann.session.disconnect();

  r.reset();

  CHECK(events.back().json().find("hello") != std::string_view::npos);
}

TEST_CASE("an actor that asks to enter a room of a node that ends is refused") {
  observed_node r;
  r.world.node.stop();

  r.observe("r");

  auto events = r.watcher.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == actors::room_event::kind::refused);
  CHECK(events[0].name == "r");
}

TEST_CASE("handles of every kind may be in use on other threads while their node ends") {
  for (int round = 0; round < 20; ++round) {
    auto world = std::make_unique<manual_node>(actors::node_options{.loops = 2});
    keeping_endpoint e{world->node};
    world->node.rooms("*", [](auto) { return std::make_unique<actors::room_behavior>(); });
    std::optional<testing::memory_session> peer{std::in_place, world->node, world->node.loop(1),
                                                raw_client_of(e)};
    world->settle();
    REQUIRE(e.kept.size() == 1);
    auto room = world->node.room("r");
    std::atomic<bool> done{false};
    std::vector<std::thread> users;
    for (int i = 0; i < 3; ++i)
      users.emplace_back([&, raw = e.kept[0]] {
        while (!done) {
          (void)room.publish("x", {{"a", 1}});
          (void)e.at.broadcast("x");
          raw.send("x");
          std::this_thread::yield();
        }
      });

    for (int turn = 0; turn < 100; ++turn)
      (void)world->loops.step();
    world->node.stop();
    peer.reset();
    world.reset();

    CHECK(room.publish("x", {}) == publish_result::gone);
    done = true;
    for (auto& user : users)
      user.join();
  }
}
