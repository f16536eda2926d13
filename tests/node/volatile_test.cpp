#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;

namespace {

void move(const guest& g, int to, std::string_view more = {}) {
  g->say(R"({"type":"message","roomId":"hall","delivery":"volatile","text":")" + std::to_string(to)
         + "\"" + std::string{more} + '}');
}

} // namespace

// Pins §4.120, §4.121.
TEST_CASE("a volatile message has no position, is not kept, and its ack has none") {
  stage stage{many_messages()};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  join(bob, "hall");
  join(ann, "hall");
  bob->take_all();

  move(ann, 1, R"(,"ref":5)");

  auto own = ann->expect("message");
  CHECK_FALSE(has(own, "seq"));
  CHECK(has(own, "timestamp"));
  auto ack = ann->expect("ack");
  CHECK(ack.number("ref") == 5);
  CHECK_FALSE(has(ack, "seq"));
  CHECK(bob->expect("message").text("text") == "1");
  ann->publish("hall", "kept");
  CHECK(ann->expect("message").number("seq") == 1);
  auto history = ann->say(R"({"type":"history","roomId":"hall"})").expect("history");
  CHECK(has(history, "kept"));
  CHECK_FALSE(has(history, R"("text":"1")"));
}

// Pins §4.240.
TEST_CASE("a room's messages are volatile where its pattern says so, unless they say otherwise") {
  stage stage{many_messages()};
  actors::room_options options;
  options.delivery = protocol::delivery::volatile_;
  stage.node().rooms("hall", relaying, options);
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  join(bob, "hall");
  join(ann, "hall");
  bob->take_all();
  bob->stall();
  ann->publish("hall", "fills what it takes");
  ann->take_all();

  auto say = [&](std::string_view text, std::string_view more) {
    ann->say(R"({"type":"message","echo":false,"ref":1,"id":1,"text":")" + std::string{text} + '"'
             + std::string{more} + '}');
    return ann->expect("ack");
  };
  CHECK_FALSE(has(say("a", ""), "seq"));
  CHECK_FALSE(has(say("a", ""), "duplicate"));
  CHECK(say("b", R"(,"delivery":"reliable")").number("seq") == 1);
  ann->say(R"({"type":"binary","data":{"$bin":"AAEC"},"echo":false,"ref":2})");
  CHECK_FALSE(has(ann->expect("ack"), "seq"));

  bob->read_on();
  CHECK(texts(bob) == names{"fills what it takes", "b"});
}

// Pins §4.120, §4.122.
TEST_CASE("who does not read is not cut for what is volatile, and misses that alone") {
  for (unsigned loops : {1u, 2u}) {
    stage stage{many_messages(loops)};
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob", loops - 1);
    join(bob, "hall");
    join(ann, "hall");
    bob->take_all();
    bob->stall();
    ann->publish("hall", "fills what it takes");
    for (int i = 0; i < 5'000; ++i) {
      move(ann, i);
      if (i % 1'000 == 0)
        ann->publish("hall", "kept " + std::to_string(i));
    }
    ann->take_all();

    bob->read_on();

    CHECK(texts(bob)
          == names{"fills what it takes", "kept 0", "kept 1000", "kept 2000", "kept 3000",
                   "kept 4000"});
    CHECK(stage.node().stats().skipped == 5'000);
    move(ann, 7);
    CHECK(texts(bob) == names{"7"});
  }
}

// Pins §4.120.
TEST_CASE("what a behaviour says as volatile is skipped for who is behind, in all its forms") {
  struct moving final : actors::room_behavior {
    void on_message(actors::room_context& room, const actors::member&,
                    const actors::application_message&) override {
      room.broadcast({"position", {{"x", 1}}, {}, true, true, true});
    }
  };
  stage stage{many_messages()};
  stage.node().rooms("hall", [](std::string_view) { return std::make_unique<moving>(); });
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 0, protocol::encoding::v1_msgpack);
  join(bob, "hall");
  join(ann, "hall");
  bob->take_all();
  ann->say(R"({"type":"go"})");
  auto position = bob->expect("position");
  CHECK_FALSE(has(position, "seq"));
  bob->stall();
  ann->publish("hall", "x");
  ann->say(R"({"type":"go"})");
  ann->say(R"({"type":"binary","data":{"$bin":"AAEC"},"delivery":"volatile"})");
  auto& from_outside = stage.node();
  CHECK(from_outside.room("hall").publish({"news", {}, {}, true, true, true})
        == actors::publish_result::accepted);
  stage.settle();

  bob->read_on();

  CHECK(types(bob) == names{"message"});
  CHECK(types(ann) == names{"position", "message", "position", "binary", "", "news"});
}
