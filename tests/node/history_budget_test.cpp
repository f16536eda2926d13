// The budget for what rooms keep of their messages, in a whole node on manual loops. Histories take
// nothing from members.
#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

actors::node_options small_node() {
  actors::node_options o;
  o.memory_budget_bytes = 2 << 20;
  o.history_budget_bytes = 1 << 20;
  o.connections.messages_per_second = 0;
  o.connections.bytes_per_second = 0;
  o.heartbeat.interval = 0ms;
  return o;
}

/// Fills the histories of `rooms` rooms with 16 messages of 60,000 bytes each.
void fill_histories(manual_node& world, client& filler, int rooms) {
  for (int r = 0; r < rooms; ++r) {
    auto room = "h" + std::to_string(r);
    filler.join(room);
    for (int i = 0; i < 16; ++i)
      filler.say(R"({"type":"message","echo":false,"roomId":")" + room + R"(","text":")"
                 + std::string(60'000, 'x') + "\"}");
    world.settle();
    (void)filler.texts();
  }
}

} // namespace

// Pins §16.7, §16.29.
TEST_CASE("one client that fills histories makes the node refuse nobody, and the histories stay "
          "within their budget") {
  manual_node world{small_node()};
  client filler{world};

  fill_histories(world, filler, 30);

  auto now = world.node.stats();
  CHECK(now.history_budget_bytes == 1 << 20);
  CHECK(now.history_bytes <= now.history_budget_bytes);
  CHECK(now.history_bytes > now.history_budget_bytes / 2);
  CHECK(now.output_bytes < 100'000);
  CHECK_FALSE(world.node.overloaded());
}

TEST_CASE("a reader with output queued is not cut for what histories hold") {
  manual_node world{small_node()};
  client filler{world}, reader{world}, speaker{world};
  for (auto* c : {&reader, &speaker})
    c->join("quiet");
  world.settle();
  (void)reader.texts();
  reader.session.set_window(0);
  speaker.publish("quiet", "hello");
  world.settle();

  fill_histories(world, filler, 30);
  world.pass(1s);
  reader.session.set_window(std::nullopt);

  CHECK(reader.heard("message", "text") == std::vector<std::string>{"hello"});
  CHECK(reader.close_code() == 0);
  CHECK_FALSE(reader.session.ended());
}

TEST_CASE("0 lifts each budget, and an absent one is not lifted") {
  auto options = small_node();
  auto standard = manual_node{}.node.stats();
  options.memory_budget_bytes = options.history_budget_bytes = options.inbound_budget_bytes = 0;
  manual_node world{options};
  client filler{world}, reader{world};
  reader.join("h0");
  world.settle();
  reader.session.set_window(0);

  fill_histories(world, filler, 5);
  world.pass(1s);

  auto now = world.node.stats();
  CHECK(now.history_bytes > 5 * 900'000);
  CHECK_FALSE(world.node.overloaded());
  CHECK(reader.close_code() == 0);
  for (auto budget : {now.budget_bytes, now.history_budget_bytes, now.inbound_budget_bytes})
    CHECK(budget == 0);
  for (auto budget :
       {standard.budget_bytes, standard.history_budget_bytes, standard.inbound_budget_bytes})
    CHECK(budget > 0);
}

TEST_CASE("histories age while nobody says anything") {
  manual_node world{small_node()};
  client filler{world};
  fill_histories(world, filler, 3);
  auto before = world.node.stats().history_bytes;

  world.clock.advance(299s);
  world.settle();
  auto just_before = world.node.stats().history_bytes;
  world.clock.advance(21s);
  world.settle();

  CHECK(before > 500'000);
  CHECK(just_before == before);
  CHECK(world.node.stats().history_bytes == 0);
}

TEST_CASE("a pattern of rooms can keep no history where the others do, and the other way round") {
  for (bool node_keeps : {true, false}) {
    auto options = small_node();
    options.rooms.history = node_keeps;
    manual_node world{options};
    actors::room_options differently;
    differently.history = !node_keeps;
    world.node.rooms(
      "other*", [](auto) { return std::make_unique<actors::room_behavior>(); }, differently);
    client c{world};
    auto kept_by = [&](const std::string& room) {
      auto before = world.node.stats().history_bytes;
      c.join(room);
      c.publish(room, std::string(5000, 'x'));
      world.settle();
      (void)c.texts();
      return world.node.stats().history_bytes - before > 5000;
    };

    CHECK(kept_by("room") == node_keeps);
    CHECK(kept_by("other1") == !node_keeps);
  }
}

/// Pins what happens to frames that are both history and output.
TEST_CASE(
  "what histories let go while a stalled reader holds it is output again, and bounded as output") {
  auto options = small_node();
  options.rooms.history_messages = 4;
  manual_node world{options};
  client speaker{world}, reader{world, encoding::v1_json, 0, {64 << 20, 100'000}};
  for (auto* c : {&reader, &speaker})
    c->join("r");
  world.settle();
  reader.session.set_window(0);
  auto say = [&](int times) {
    for (int i = 0; i < times; ++i) {
      speaker.publish("r", std::string(50'000, 'x'));
      world.settle();
    }
    (void)speaker.texts();
  };

  say(4);
  auto kept = world.node.stats();
  say(10);
  auto let_go = world.node.stats();
  say(40);
  world.pass(10ms);

  CHECK(kept.history_bytes > 200'000);
  CHECK(kept.output_bytes < 10'000);
  CHECK(let_go.history_bytes < 210'000);
  CHECK(let_go.output_bytes > 490'000);
  reader.session.set_window(std::nullopt);
  CHECK(reader.close_code() == 1013);
  CHECK(world.node.stats().output_bytes < 10'000);
}
