#include <utility>

#include "latest_hall.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;

// Pins §4.121, §4.124.
TEST_CASE("a latest message has no position, is not kept, and comes in its place") {
  stage stage{many_messages()};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 0, protocol::encoding::v1_msgpack);
  guest old{&stage.connect("old", protocol::encoding::plain_json), {}, {}};
  for (auto* g : {&ann, &bob, &old})
    (*g)->join("hall");
  for (auto* g : {&ann, &bob, &old})
    (*g)->take_all();

  say(ann, "k", "1", R"(,"ref":5,"id":7)");
  say(ann, "k", "2", R"(,"id":7)");
  ann->publish("hall", "3");
  say(ann, "k", "4");

  auto own = ann->expect("message");
  CHECK_FALSE(has(own, "seq"));
  CHECK_FALSE(has(own, "key"));
  auto ack = ann->expect("ack");
  CHECK(ack.number("ref") == 5);
  CHECK_FALSE(has(ack, "seq"));
  CHECK(texts(ann) == names{"2", "3", "4"});
  CHECK(texts(bob) == names{"1", "2", "3", "4"});
  CHECK(texts(old) == names{"1", "2", "3", "4"});
  auto history = ann->say(R"({"type":"history","roomId":"hall"})").expect("history");
  CHECK(has(history, R"("text":"3")"));
  CHECK_FALSE(has(history, R"("text":"4")"));
  CHECK(stage.node().stats().skipped + stage.node().stats().replaced == 0);
}

// Pins §4.240.
TEST_CASE("where a pattern says latest, messages that say nothing have an empty key") {
  stage stage{many_messages()};
  actors::room_options options;
  options.delivery = protocol::delivery::latest;
  stage.node().rooms("hall", relaying, options);
  auto ann = connect(stage, "ann"), cid = connect(stage, "cid"), bob = connect(stage, "bob");
  for (auto* g : {&bob, &ann, &cid})
    join(*g, "hall");
  fall_behind(bob, ann);

  ann->publish("hall", "a1");
  cid->publish("hall", "c1");
  say(ann, "", "a2");
  say(ann, "k", "a3");
  ann->publish("hall", "a4");
  bob->read_on();

  CHECK(texts(bob) == names{"x", "c1", "a3", "a4"});
}

// Pins §4.125, §4.126.
TEST_CASE("who is behind gets the last value of each sender and key, in the order of the last") {
  for (unsigned loops : {1u, 2u})
    for (auto in : {protocol::encoding::v1_json, protocol::encoding::v1_msgpack,
                    protocol::encoding::plain_json}) {
      latest_hall h{loops, in};
      say(h.ann, "p", "a1");
      say(h.cid, "p", "c1");
      say(h.ann, "q", "a2");
      h.ann->publish("hall", "y");
      say(h.ann, "p", "a3");
      say(h.cid, "p", "c2");
      h.cid->publish("hall", "z");
      say(h.ann, "p", "a4");

      CHECK(h.heard() == names{"x", "a2", "y", "c2", "z", "a4"});

      CHECK(h.stats().replaced == 3);
      CHECK(h.stats().skipped == 0);
      say(h.ann, "p", "a5");
      say(h.ann, "p", "a6");
      CHECK(texts(h.bob) == names{"a5", "a6"});
    }
}

// Pins §4.126.
TEST_CASE(
  "keys are compared as texts, whatever the codec and the way of writing, and may be absent") {
  latest_hall h;
  auto eve = connect(h.scene, "eve", 0, protocol::encoding::v1_msgpack);
  join(eve, "hall");
  say(h.ann, "k", "1");
  say(h.ann, R"(\u006b)", "2");
  say(h.ann, "K", "3");
  say(h.ann, "", "4");
  h.ann->say(R"({"type":"message","roomId":"hall","delivery":"latest","text":"5"})");
  say(eve, "k", "6");
  say(eve, "k", "7");

  CHECK(h.heard() == names{"x", "2", "3", "5", "7"});
}

// Pins §4.126.
TEST_CASE("both frames of a binary message in JSON stay together, and give way together") {
  latest_hall h;
  auto bytes = [&](std::string_view base64, std::string_view key) {
    h.ann->say(R"({"type":"binary","roomId":"hall","delivery":"latest","key":")" + std::string{key}
               + R"(","data":{"$bin":")" + std::string{base64} + R"("}})");
  };
  bytes("AAEC", "p");
  bytes("AAED", "q");
  say(h.ann, "p", "text");
  bytes("AAEE", "q");

  h.bob->read_on();

  CHECK(h.bob->expect("message").text("text") == "x");
  CHECK(h.bob->expect("message").text("text") == "text");
  CHECK(h.bob->expect("binary").number("bytes") == 3);
  CHECK(h.bob->expect("").bytes() == std::string("\0\1\4", 3));
  h.bob->expect_nothing();
}

// Pins §4.125.
TEST_CASE("who is excluded does not get a value, also when it is behind itself") {
  latest_hall h;
  say(h.ann, "p", "old");
  fall_behind(h.ann, h.cid);

  say(h.ann, "p", "new", R"(,"echo":false)");
  say(h.ann, "q", "loud");

  CHECK(h.heard() == names{"x", "x", "new", "loud"});
  h.ann->read_on();
  CHECK(texts(h.ann) == names{"x", "loud"});
}

// Pins §4.126.
TEST_CASE("a sender that comes back replaces what it said before, and a listener begins anew") {
  latest_hall h;
  position hall_of_ann{"hall", {}, 0};
  say(h.ann, "p", "old");
  auto again = connect(h.scene, "ann");
  again->say(resume_of(h.ann.resume, {hall_of_ann})).expect("resumed");

  say(again, "p", "new");

  CHECK(h.stats().replaced == 1);
  auto bob = connect(h.scene, "bob");
  bob->say(resume_of(h.bob.resume, {{"hall", {}, 0}})).expect("resumed");
  CHECK(texts(bob).empty());
  say(again, "p", "newer");
  CHECK(texts(bob) == names{"newer"});
  CHECK(h.heard() == names{"x", "new"});
}

// Pins §4.125, §4.126.
TEST_CASE("behaviours, and who publishes from outside, have values by key") {
  struct moving final : actors::room_behavior {
    void on_message(actors::room_context& room, const actors::member& from,
                    const actors::application_message& m) override {
      actors::broadcast_event event{"position", {{"x", ++x}}, {}};
      event.is_latest = true;
      auto key = m.fields.string("key").value_or("");
      event.key = key;
      if (m.fields.boolean("toAll").value_or(true))
        room.broadcast(event);
      else
        room.broadcast_except(from.key, event);
    }
    std::int64_t x = 0;
  };
  stage stage{many_messages()};
  stage.node().rooms("hall", [](std::string_view) { return std::make_unique<moving>(); });
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 0, protocol::encoding::v1_msgpack);
  join(bob, "hall");
  join(ann, "hall");
  fall_behind(bob, ann);
  auto outside = [&](std::string key, std::int64_t x) {
    std::string type = "position";
    actors::broadcast_event event{type, {{"x", x}}, {}};
    event.is_latest = true;
    event.key = key;
    CHECK(stage.node().room("hall").publish(event) == actors::publish_result::accepted);
    key.assign(key.size(), '?');
    stage.settle();
  };
  ann->say(R"({"type":"go","key":"a"})");
  ann->say(R"({"type":"go","key":"b"})");
  ann->say(R"({"type":"go","key":"a","toAll":false})");
  outside("b", 10);
  outside("a long key, which no small string holds", 11);
  outside("a long key, which no small string holds", 12);
  say(ann, "b", "ann's own");

  bob->read_on();

  CHECK(bob->expect("message").text("text") == "x");
  CHECK(bob->expect("position").number("x") == 3);
  auto last = bob->expect("position");
  CHECK(last.number("x") == 10);
  CHECK_FALSE(has(last, "seq"));
  CHECK(bob->expect("position").number("x") == 12);
  CHECK(bob->expect("message").text("text") == "ann's own");
  bob->expect_nothing();
}
