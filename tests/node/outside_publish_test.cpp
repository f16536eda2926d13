#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <thread>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::publish_result;
using strings = std::vector<std::string>;

namespace {

struct counting final : protocol::event_counters {
  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override {
    counts[{what, std::string{label}}] += n;
  }
  std::map<std::pair<protocol::counter, std::string>, std::uint64_t> counts;
};

actors::node_options small_bound() {
  actors::node_options o;
  o.rooms.max_pending_bytes = 10'000;
  return o;
}

actors::room_options kept() {
  actors::room_options o;
  o.keep_when_empty = true;
  return o;
}

} // namespace

TEST_CASE("what is published from outside reaches the members as the room's own, in order") {
  manual_node world;
  client ann{world}, plain{world, encoding::plain_json};
  ann.join("r");
  plain.join("r");
  world.settle();
  (void)ann.texts();
  (void)plain.texts();
  auto room = world.node.room("r");

  CHECK(room.publish("score", {{"points", 1}}) == publish_result::accepted);
  CHECK(room.publish("score", {{"points", 2}}) == publish_result::accepted);
  world.settle();

  auto texts = ann.texts();
  REQUIRE(texts.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    protocol::document_view view{protocol::codec::json, texts[i]};
    CHECK(view.string("type") == "score");
    CHECK(view.string("roomId") == "r");
    CHECK(view.integer("points") == static_cast<std::int64_t>(i + 1));
    CHECK(view.integer("seq") == static_cast<std::int64_t>(i + 1));
  }
  CHECK(plain.texts()
        == strings{R"({"type":"score","points":1})", R"({"type":"score","points":2})"});
}

TEST_CASE(
  "what a handle has published before it ends the room comes before the end, and nothing behind") {
  manual_node world{[] {
    actors::node_options o;
    o.loops = 2;
    return o;
  }()};
  for (unsigned loop : {0u, 1u}) {
    auto name = world.room_on(loop);
    client ann{world};
    ann.join(name);
    world.settle();
    (void)ann.texts();
    auto room = world.node.room(name);

    for (int i = 0; i < 3; ++i)
      room.publish("score", {{"points", i}});
    room.end();
    room.publish("score", {{"points", 9}});
    world.settle();

    CHECK(types_of(ann.texts()) == strings{"score", "score", "score", "roomClosed"});
  }
}

TEST_CASE("an event may refer to memory that is gone before it is sent") {
  manual_node world;
  client ann{world};
  ann.join("r");
  world.settle();
  {
    std::string type(40, 't'), key(40, 'k'), text(40, 'v');
    strings list{std::string(40, 'l')};
    world.node.room("r").publish(
      {type, {{key, text}, {"list", protocol::string_list{list}}}, {{"own", text}}, true, true});
    for (auto* s : {&type, &key, &text, &list[0]})
      std::fill(s->begin(), s->end(), '!');
  }

  world.settle();

  auto last = ann.texts().back();
  protocol::document_view view{protocol::codec::json, last};
  CHECK(view.string("type") == std::string(40, 't'));
  CHECK(view.string(std::string(40, 'k')) == std::string(40, 'v'));
  CHECK(view.string("own") == std::string(40, 'v'));
  CHECK(view.raw("list") == "[\"" + std::string(40, 'l') + "\"]");
}

TEST_CASE("publishing to a room that does not exist does nothing, makes no room, and is counted") {
  counting counts;
  actors::node_options options;
  options.counters = &counts;
  manual_node world{options};

  auto result = world.node.room("nowhere").publish("x", {});
  world.settle();

  CHECK(result == publish_result::accepted);
  CHECK(world.node.stats().rooms == 0);
  CHECK(counts.counts[{protocol::counter::dropped, "no_such_room"}] == 1);
}

TEST_CASE("publishing from other threads keeps the order of each") {
  manual_node world;
  client ann{world};
  ann.join("r");
  world.settle();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([room = world.node.room("r"), t] {
      for (int i = 0; i < 200; ++i)
        room.publish("n", {{"thread", t}, {"i", i}});
    });
  for (auto& t : threads)
    t.join();

  world.settle();

  std::map<std::int64_t, std::int64_t> next;
  for (auto& text : ann.texts()) {
    protocol::document_view view{protocol::codec::json, text};
    if (view.string("type") == "n")
      CHECK(view.integer("i") == next[*view.integer("thread")]++);
  }
  CHECK(next == std::map<std::int64_t, std::int64_t>{{0, 200}, {1, 200}, {2, 200}});
}

// -- the bound ------------------------------------------------------------------------------------

TEST_CASE("output that nobody has taken is bounded: overloaded, nothing is sent, and later it is "
          "accepted again") {
  manual_node world{small_bound()};
  client ann{world};
  ann.join("r");
  world.settle();
  (void)ann.texts();
  auto room = world.node.room("r");
  std::string payload(1000, 'x');

  std::size_t accepted = 0;
  while (accepted < 1000 && room.publish("x", {{"p", payload}}) == publish_result::accepted)
    ++accepted;
  world.settle();
  auto received = ann.texts().size();
  auto again = room.publish("x", {{"p", payload}});

  CHECK(accepted >= 5);
  CHECK(accepted <= 10);
  CHECK(received == accepted);
  CHECK(again == publish_result::accepted);
}

/// Pins that the bound is per room, not per handle: `server.room(name).publish(...)` makes a new
/// handle each time.
TEST_CASE("a room named again and again has one bound, not one a name") {
  manual_node world{small_bound()};
  client ann{world};
  ann.join("r");
  world.settle();
  std::string payload(1000, 'x');

  std::size_t accepted = 0;
  while (accepted < 1000
         && world.node.room("r").publish("x", {{"p", payload}}) == publish_result::accepted)
    ++accepted;

  CHECK(accepted <= 10);
}

TEST_CASE("a stalled member does not make its room overloaded") {
  manual_node world{small_bound()};
  client ann{world}, slow{world, encoding::v1_json, 0, {16 << 20, 100'000}};
  ann.join("r");
  slow.join("r");
  world.settle();
  slow.session.set_window(0);
  auto room = world.node.room("r");
  std::string payload(1000, 'x');

  int accepted = 0;
  for (int i = 0; i < 100; ++i) {
    accepted += room.publish("x", {{"p", payload}}) == publish_result::accepted;
    world.settle();
  }

  CHECK(accepted == 100);
}

TEST_CASE("what was published to a room that has gone since gives its credit back") {
  manual_node world{small_bound()};
  client ann{world};
  ann.join("r");
  world.settle();
  auto room = world.node.room("r");
  std::string payload(9'990, 'x');
  ann.session.disconnect();

  auto first = room.publish("x", {{"p", payload}});
  world.settle();
  auto second = room.publish("x", {{"p", payload}});

  CHECK(first == publish_result::accepted);
  CHECK(second == publish_result::accepted);
}

// -- rooms that stay ------------------------------------------------------------------------------

// Pins §10.4.
TEST_CASE("a room ends with its last member, and its successor is another one") {
  manual_node world;
  client ann{world}, bob{world};
  ann.join("r");
  world.settle();
  auto first = ann.heard("joined", "epoch");

  ann.say(R"({"type":"leave","roomId":"r"})");
  world.settle();
  auto rooms = world.node.stats().rooms;
  bob.join("r");
  world.settle();

  CHECK(rooms == 0);
  CHECK(bob.heard("joined", "epoch") != first);
}

TEST_CASE(
  "a kept room outlives its members, goes on counting and takes what is published from outside") {
  manual_node world;
  world.node.rooms(
    "kept*", [](auto) { return std::make_unique<actors::room_behavior>(); }, kept());
  client ann{world};
  ann.join("kept1");
  world.settle();
  auto epoch = ann.heard("joined", "epoch");
  ann.publish("kept1", "one");
  world.settle();
  ann.session.disconnect();
  world.settle();

  world.node.room("kept1").publish("two", {});
  world.pass(1min);
  auto rooms = world.node.stats().rooms;
  client bob{world};
  bob.join("kept1");
  world.settle();
  auto texts = bob.texts();

  CHECK(rooms == 1);
  REQUIRE(types_of(texts) == strings{"welcome", "joined"});
  protocol::document_view joined{protocol::codec::json, texts[1]};
  CHECK(strings{*joined.string("epoch")} == epoch);
  CHECK(joined.integer("seq") == 2);
}

TEST_CASE("of rooms that nobody could enter, those stay that are kept") {
  struct closed_door final : actors::room_behavior {
    actors::join_decision authorize_join(actors::room_context&, const actors::member&) override {
      return actors::join_decision::refuse("no");
    }
  };
  manual_node world;
  world.node.rooms(
    "kept*", [](auto) { return std::make_unique<closed_door>(); }, kept());
  world.node.rooms("*", [](auto) { return std::make_unique<closed_door>(); });
  client ann{world};

  ann.join("kept1");
  ann.join("r");
  world.pass(11s);
  CHECK(world.node.stats().rooms == 1);
  world.node.room("kept1").end();
  world.settle();

  CHECK(world.node.stats().rooms == 0);
}
