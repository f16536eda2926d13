// Rooms that live on for a while after their last member, in whole nodes on loops that the test
// runs.

#include "scripted_rooms.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::actors;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

namespace {

room_options lingering(std::chrono::milliseconds time = 60s) {
  room_options o;
  o.linger = time;
  return o;
}

struct stage : scripted_rooms {
  explicit stage(node_options with = options(1), room_options of = lingering())
    : scripted_rooms(std::move(with), of) {
    ann = connect("ann");
  }
  explicit stage(room_options of) : stage(options(1), of) {}

  /// Ann comes to a room, says something in it, and goes. Returns the epoch and the position.
  std::string visit(const std::string& room, bool speaks = true) {
    ann->join(room);
    if (speaks)
      ann->publish(room, "hi");
    ann->say(R"({"type":"leave","roomId":")" + room + "\"}");
    world.settle();
    for (auto& text : heard(*ann))
      if (type_of(text) == "joined")
        return protocol::document_view{protocol::codec::json, text}.string("epoch").value();
    return "?";
  }
  /// Ann comes back to it; returns her `joined`, or the error.
  std::string come_back(const std::string& room, const std::string& epoch) {
    ann->say(R"({"type":"join","roomId":")" + room + R"(","since":{"epoch":")" + epoch
             + R"(","seq":0}})");
    world.settle();
    return heard(*ann).front();
  }
  std::size_t rooms() { return world.node.stats().rooms; }

  std::unique_ptr<client> ann;
};

} // namespace

// Pins §10.25, §10.4.
TEST_CASE("a room in which something was said lives on for a minute, and ends then") {
  stage s;
  auto epoch = s.visit("r");

  s.world.pass(59'900ms);
  auto before = s.script.alive;
  s.world.pass(200ms);

  CHECK(before == 1);
  CHECK(s.script.alive == 0);
  CHECK(s.script.ends == strings{"ann left", "close"});
  CHECK(s.come_back("r", epoch).find(R"("recovered":false)") != std::string::npos);
  CHECK(s.script.made == 2);
}

// Pins §10.25.
TEST_CASE("who comes back to a room that lives on finds what was said, and its time begins anew") {
  stage s;
  auto epoch = s.visit("r");
  for (int i = 0; i < 3; ++i) {
    s.world.pass(40s);
    CHECK(s.come_back("r", epoch).find(R"("recovered":true)") != std::string::npos);
    s.ann->say(R"({"type":"leave"})");
    s.world.settle();
    (void)s.heard(*s.ann);
  }

  CHECK(s.script.made == 1);
  s.world.pass(61s);
  CHECK(s.rooms() == 0);
}

TEST_CASE("a room does not end while somebody is in it, however long ago it was empty") {
  stage s;
  auto epoch = s.visit("r");
  s.world.pass(40s);
  (void)s.come_back("r", epoch);

  s.world.pass(100s);

  CHECK(s.rooms() == 1);
  CHECK(s.script.ends == strings{"ann left"});
}

// Pins §10.25.
TEST_CASE("a room that keeps nothing ends at once") {
  room_options off = lingering();
  off.history = false;
  for (auto& [of, speaks] : {std::pair{lingering(), false}, std::pair{off, true},
                             std::pair{lingering(0ms), true}, std::pair{room_options{}, true}}) {
    stage s{of};
    (void)s.visit("r", speaks);

    CHECK(s.script.alive == 0);
  }
}

TEST_CASE("a room that lives on can be ended, and another of its name is made") {
  stage s;
  auto epoch = s.visit("r");

  (void)s.world.node.room("r").end();
  s.world.settle();

  CHECK(s.script.alive == 0);
  CHECK(s.visit("r") != epoch);
  s.world.pass(59s);
  CHECK(s.script.alive == 1);
}

// Pins §16.62.
TEST_CASE(
  "rooms that live on make place for others, the one that has been empty for longest first") {
  auto loops = GENERATE(1u, 2u);
  auto with = scripted_rooms::options(loops);
  with.rooms.max_rooms = 4;
  stage s{with};
  strings epochs;
  for (auto* room : {"a", "b", "c"}) {
    epochs.push_back(s.visit(room));
    s.world.pass(1s);
  }
  for (auto* room : {"held1", "held2", "held3"}) {
    s.ann->join(room);
    s.world.settle();
  }
  auto joined = s.heard(*s.ann);

  CHECK(types_of(joined) == strings(3, "joined"));
  CHECK(s.rooms() == 4);
  CHECK(s.come_back("c", epochs[2]).find(R"("recovered":true)") != std::string::npos);
  (void)s.heard(*s.ann);
  s.ann->join("one too many");
  s.world.settle();
  CHECK(s.any(s.heard(*s.ann), "node_room_limit"));
}

// Pins §10.25.
TEST_CASE("a node that stops does not wait for rooms that live on") {
  stage s;
  (void)s.visit("r");

  s.world.node.end_rooms();
  s.world.settle();

  CHECK(s.script.alive == 0);
  CHECK(s.script.ends == strings{"ann left", "close"});
}
