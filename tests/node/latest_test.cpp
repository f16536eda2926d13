#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;

namespace {

/// Says the latest value of a key.
void say(const guest& g, std::string_view key, std::string_view text, std::string_view more = {}) {
  g->say(R"({"type":"message","roomId":"hall","delivery":"latest","key":")" + std::string{key}
         + R"(","text":")" + std::string{text} + '"' + std::string{more} + '}');
}

/// Lets a member of the hall fall behind. Its first message is `x`.
void fall_behind(const guest& g, const guest& speaker) {
  g->take_all();
  g->stall();
  speaker->publish("hall", "x");
}

/// A hall with two speakers, and a listener that is behind.
struct hall {
  explicit hall(unsigned loops = 1, protocol::encoding in = protocol::encoding::v1_json,
                actors::node_options o = many_messages())
    : scene([&] {
        o.loops = loops;
        return o;
      }()) {
    bob.line = &scene.connect(actors::connection_info{.encoding = in, .user_id = "bob"}, loops - 1);
    if (!is_plain(in))
      bob.resume = bob->expect("welcome").text("resume");
    bob->join("hall");
    join(ann, "hall");
    join(cid, "hall");
    fall_behind(bob, ann);
  }
  [[nodiscard]] actors::node_stats stats() { return scene.node().stats(); }
  names heard() {
    bob->read_on();
    return texts(bob);
  }

  stage scene;
  guest ann = connect(scene, "ann"), cid = connect(scene, "cid"), bob{};
};

} // namespace

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

// Pins §4.125, §4.126.
TEST_CASE("who is behind gets the last value of each sender and key, in the order of the last") {
  for (unsigned loops : {1u, 2u})
    for (auto in : {protocol::encoding::v1_json, protocol::encoding::v1_msgpack,
                    protocol::encoding::plain_json}) {
      hall h{loops, in};
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
TEST_CASE("keys are compared as texts, whatever the codec and the way of writing, and may be absent") {
  hall h;
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

// Pins §4.122, §4.127.
TEST_CASE("values beyond the bound are skipped, and nobody is cut for them") {
  for (unsigned loops : {1u, 2u}) {
    hall h{loops};
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
  hall h;
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

// Pins §4.126.
TEST_CASE("both frames of a binary message in JSON stay together, and give way together") {
  hall h;
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
  hall h;
  say(h.ann, "p", "old");
  fall_behind(h.ann, h.cid);

  say(h.ann, "p", "new", R"(,"echo":false)");
  say(h.ann, "q", "loud");

  CHECK(h.heard() == names{"x", "x", "new", "loud"});
  h.ann->read_on();
  CHECK(texts(h.ann) == names{"x", "loud"});
}

// Pins §4.125, §10.16.
TEST_CASE("what waits of a room comes before its last frame, and nothing behind it") {
  hall h;
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

// Pins §4.126.
TEST_CASE("a sender that comes back replaces what it said before, and a listener begins anew") {
  hall h;
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

// Pins §4.122, §16.71.
TEST_CASE("over the budget of output values are dropped before anybody is cut") {
  auto o = many_messages();
  o.memory_budget_bytes = 200'000;
  o.rooms.history = false;
  hall h{1, protocol::encoding::v1_json, o};
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
