// A node whose rooms are only those that match a pattern.
#include <utility>

#include "onlooker.hpp"

#include <troupe/node.hpp>
#include <troupe/testing/stage.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>
#include <string>

using namespace troupe;
using actors::node_options;
using actors::publish_result;
using actors::room_behavior;
using actors::room_event;
using testing::stage;

namespace {

node_options registered_only(std::string lobby = {}) {
  node_options o;
  o.only_registered_rooms = true;
  o.lobby = std::move(lobby);
  return o;
}

std::unique_ptr<room_behavior> relay(std::string_view) { return std::make_unique<room_behavior>(); }

} // namespace

// Pins §4.169.
TEST_CASE("a join of a room that no pattern matches is refused, and makes no room") {
  stage s{registered_only()};
  s.node().rooms("arena:*", relay);
  auto& ann = s.connect("ann");

  ann.join("arena:1").expect("joined");
  ann.say(R"({"type":"join","roomId":"arena","ref":1})");

  auto refusal = ann.expect("error");
  CHECK(refusal.text("code") == "no_such_room");
  CHECK(refusal.text("roomId") == "arena");
  CHECK(refusal.number("ref") == 1);
  CHECK(refusal.json().find(R"("retryable":false)") != std::string::npos);
  CHECK(s.node().stats().rooms == 1);
  ann.publish("arena:1", "hi").expect("message"); // the other one goes on
}

TEST_CASE("a node where every name is a room has rooms without a pattern") {
  stage s;
  s.node().rooms("arena:*", relay);

  s.connect("ann").join("arena").expect("joined");
}

TEST_CASE("a client is not counted as faulty for names that are no rooms") {
  stage s{registered_only()};
  s.node().rooms("arena:*", relay);
  auto& ann = s.connect("ann");

  for (int i = 0; i < 20; ++i)
    CHECK(ann.join("r" + std::to_string(i)).expect("error").text("code") == "no_such_room");

  ann.join("arena:1").expect("joined");
}

TEST_CASE("nobody observes a room that no pattern matches") {
  test::manual_node world{registered_only()};
  world.node.rooms("arena:*", relay);
  test::onlooker ear{world.system}, other{world.system};

  world.node.observe("arena", ear.handle());
  world.node.observe("arena:1", other.handle());
  world.settle();

  auto told = ear.take();
  REQUIRE(told.size() == 1);
  CHECK(told[0].what == room_event::kind::refused);
  CHECK(other.take()[0].what == room_event::kind::joined);
  CHECK(world.node.stats().rooms == 1);
}

TEST_CASE("a handle of a room that no pattern matches reaches nobody") {
  stage s{registered_only()};
  s.node().rooms("arena:*", relay);

  CHECK(s.node().room("arena").publish("x", {}) == publish_result::accepted);
  s.settle();

  CHECK(s.node().stats().rooms == 0);
}

TEST_CASE("a lobby that is no room is told at the start, and one that is a room is entered") {
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  actors::node wrong{system, registered_only("hall")};
  wrong.rooms("arena:*", relay);
  CHECK_THROWS_WITH(wrong.start(), "node_options.lobby is \"hall\", but no rooms(...) match it and "
                                   "only_registered_rooms is set");
  wrong.rooms("hall", relay); // it has not started, and may be mended
  wrong.start();
  wrong.stop();

  stage s{registered_only("hall")};
  s.node().rooms("hal*", relay);
  CHECK(s.connect("ann").expect("joined").text("roomId") == "hall");
}
