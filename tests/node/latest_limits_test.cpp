#include <utility>

#include "latest_hall.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;

// Pins §4.122, §4.127.
TEST_CASE("values beyond the bound are skipped, and nobody is cut for them") {
  for (unsigned loops : {1u, 2u}) {
    latest_hall h{loops};
    for (int round = 0; round < 3; ++round)
      for (int i = 0; i < 300; ++i)
        say(h.ann, std::to_string(i), std::to_string(round * 1'000 + i));
    h.ann->publish("hall", "y");
    names want{"x"};
    for (int i = 0; i < 256; ++i)
      want.push_back(std::to_string(2'000 + i));
    want.emplace_back("y");

    CHECK(h.heard() == want);

    CHECK(h.stats().replaced == 2 * 256);
    CHECK(h.stats().skipped == 3 * 44);
    CHECK_FALSE(h.bob->has_ended());
  }
}

// Pins §4.122, §4.127, §16.72.
TEST_CASE("large values are skipped beyond a quarter of the bytes, and take nobody's bound") {
  latest_hall h;
  std::string large(60'000, 'l');
  auto before = h.stats().output_bytes;
  for (int i = 0; i < 100; ++i) {
    say(h.ann, std::to_string(i % 20), large);
    h.ann->take_all();
    h.cid->take_all();
  }
  CHECK(h.stats().output_bytes - before <= 256 * 1024);
  for (int i = 0; i < 15; ++i)
    h.ann->publish("hall", large);

  CHECK(h.heard().size() == 1 + 4 + 15);
  CHECK(h.stats().replaced == 4 * 4);
  CHECK(h.stats().skipped == 5 * 16);
}

// Pins §4.125, §10.16.
TEST_CASE("what waits of a room comes before its last frame, and nothing behind it") {
  latest_hall h;
  say(h.ann, "p", "1");
  SECTION("who leaves") {
    h.bob->say(R"({"type":"leave","roomId":"hall"})");
    say(h.ann, "p", "2");
    h.bob->read_on();
    CHECK(types(h.bob) == names{"message", "message", "left"});
  }
  SECTION("who leaves and comes back gets the newer ones as they come") {
    h.bob->say(R"({"type":"leave","roomId":"hall"})");
    h.bob->join("hall");
    say(h.ann, "p", "2");
    say(h.cid, "p", "3");
    h.bob->read_on();
    CHECK(types(h.bob) == names{"message", "left", "joined", "message", "message"});
  }
  SECTION("when the room ends") {
    h.scene.node().room("hall").end();
    h.scene.settle();
    h.bob->read_on();
    CHECK(types(h.bob) == names{"message", "message", "roomClosed"});
  }
  SECTION("a successor's values are others") {
    h.scene.node().room("hall").end();
    h.scene.settle();
    for (auto* g : {&h.bob, &h.ann})
      (*g)->join("hall");
    say(h.ann, "p", "2");
    h.bob->read_on();
    CHECK(types(h.bob)
          == names{"message", "message", "roomClosed", "joined", "userJoined", "message"});
  }
}

TEST_CASE("who is thrown out gets what waits before it is told so") {
  struct bouncer final : actors::room_behavior {
    void on_message(actors::room_context& room, const actors::member&,
                    const actors::application_message&) override {
      room.for_each_member([&](const actors::member& m) {
        if (m.user_id == "bob")
          room.kick(m.key);
      });
    }
  };
  stage stage{many_messages()};
  stage.node().rooms("hall", [](std::string_view) { return std::make_unique<bouncer>(); });
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  join(bob, "hall");
  join(ann, "hall");
  fall_behind(bob, ann);
  say(ann, "p", "1");

  ann->say(R"({"type":"go","roomId":"hall"})");
  say(ann, "p", "2");

  bob->read_on();
  CHECK(types(bob) == names{"message", "message", "left"});
}

// Pins §4.125.
TEST_CASE("who catches up does not get values") {
  stage stage{many_messages()};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  auto at = join(bob, "hall");
  join(ann, "hall");
  bob->take_all();
  bob->drop();
  std::string large(30'000, 'l');
  for (int i = 0; i < 6; ++i)
    ann->publish("hall", large);
  auto back = connect(stage, "bob");
  back->stall();
  back->say(R"({"type":"join","roomId":"hall","since":{"epoch":")" + at.epoch + R"(","seq":)"
            + std::to_string(at.seq) + "}}");

  say(ann, "p", "1");
  ann->publish("hall", "live");
  back->read_on();
  say(ann, "p", "2");

  auto all = texts(back);
  REQUIRE(all.size() == 8);
  CHECK(all[6] == "live");
  CHECK(all[7] == "2");
}

// Pins §4.122, §16.71.
TEST_CASE("over the budget of output values are dropped before anybody is cut") {
  auto o = many_messages();
  o.memory_budget_bytes = 200'000;
  o.rooms.history = false;
  latest_hall h{1, protocol::encoding::v1_json, o};
  std::string large(20'000, 'l');
  for (int i = 0; i < 30; ++i) {
    say(h.ann, std::to_string(i % 12), large);
    h.ann->take_all();
    h.cid->take_all();
  }
  h.scene.advance(std::chrono::milliseconds{10});

  CHECK_FALSE(h.bob->has_ended());
  CHECK(h.stats().skipped > 0);
  CHECK_FALSE(h.scene.node().overloaded());
  auto heard = h.heard();
  CHECK(heard.front() == "x");
  CHECK_FALSE(h.bob->has_ended());
}
