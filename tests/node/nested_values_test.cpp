// Nested values through a whole node: rooms, histories, handles.
#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

using namespace troupe;
using namespace troupe::test;
using actors::publish_result;
using protocol::encoding;
using protocol::object_writer;

namespace {

constexpr auto body = R"("n":1,"players":[{"at":[1.5,-2.0]},{"at":[]}]})";

void write_state(object_writer& out) {
  out.field("n", 1);
  out.list("players", [](protocol::list_writer& l) {
    l.object([](object_writer& o) { o.values("at", {1.5, -2.0}); });
    l.object([](object_writer& o) { o.list("at", [](protocol::list_writer&) {}); });
  });
}

/// Tells the state at each `tell`.
struct telling final : actors::room_behavior {
  telling() {
    on("tell",
       [](actors::room_context& room, auto&, auto&) { room.broadcast("state", write_state); });
  }
};

struct world {
  explicit world(actors::node_options o = many_messages(2)) : play{std::move(o)} {
    play.node().rooms("*", [](std::string_view) { return std::make_unique<telling>(); });
  }
  stage play;
};

std::string state_of(std::uint64_t seq) {
  return R"({"type":"state","roomId":"hall","seq":)" + std::to_string(seq) + ',' + body;
}

} // namespace

TEST_CASE("members on all loops, of both codecs, get the same nested values") {
  world w;
  auto ann = connect(w.play, "ann"), bob = connect(w.play, "bob", 1, encoding::v1_msgpack);
  join(ann, "hall");
  join(bob, "hall");
  ann->take_all();

  bob->say(R"({"type":"tell"})");

  CHECK(ann->expect("state").json() == state_of(1));
  CHECK(bob->expect("state").json() == state_of(1));
}

TEST_CASE("nested values are in the history, for a client of the other codec, too") {
  world w;
  auto ann = connect(w.play, "ann", 0, encoding::v1_msgpack);
  auto at = join(ann, "hall");
  ann->say(R"({"type":"tell"})").expect("state");

  auto bob = connect(w.play, "bob");
  bob->say(R"({"type":"join","roomId":"hall","since":{"epoch":")" + at.epoch + R"(","seq":0}})");
  bob->expect("joined");
  CHECK(bob->expect("state").json() == state_of(1));
  bob->say(R"({"type":"history","roomId":"hall"})");
  CHECK(has(bob->expect("history"), body));
}

TEST_CASE("a handle publishes nested values from any thread") {
  world w;
  auto ann = connect(w.play, "ann"), bob = connect(w.play, "bob", 1, encoding::v1_msgpack);
  auto& plain = w.play.connect("cid", encoding::plain_json);
  join(ann, "hall");
  join(bob, "hall");
  plain.join("hall").take_all();
  ann->take_all();
  bob->take_all();
  auto hall = w.play.node().room("hall");
  int runs = 0;
  auto counted = [&](object_writer& out) {
    ++runs;
    write_state(out);
  };

  auto result = publish_result::gone;
  std::thread{[&] { result = hall.publish("state", counted); }}.join();

  CHECK(result == publish_result::accepted);
  CHECK(runs == 2); // whoever is there
  CHECK(ann->expect("state").json() == state_of(1));
  CHECK(bob->expect("state").json() == state_of(1));
  CHECK(plain.expect("state").json() == R"({"type":"state",)" + std::string{body});

  actors::broadcast_event passing{"state"};
  passing.is_volatile = true;
  CHECK(hall.publish(passing, write_state) == publish_result::accepted);
  CHECK(ann->expect("state").json() == R"({"type":"state","roomId":"hall",)" + std::string{body});
}

TEST_CASE("a handle that publishes nothing does not ask for values") {
  auto o = many_messages();
  o.rooms.max_pending_bytes = 100;
  world w{o};
  auto hall = w.play.node().room("hall");
  int runs = 0;
  auto counted = [&](object_writer& out) {
    ++runs;
    out.field("text", std::string(200, 'x'));
  };
  auto fails = [](object_writer&) { throw std::runtime_error{"enough"}; };

  CHECK_THROWS_WITH(hall.publish("state", fails), "enough");
  CHECK_THROWS_AS(hall.publish("$state", counted), std::invalid_argument);
  actors::broadcast_event with{"state", {{"a", 1}}};
  CHECK_THROWS_AS(hall.publish(with, counted), std::invalid_argument);
  CHECK(runs == 0);
  CHECK(hall.publish("state", counted) == publish_result::accepted);
  CHECK(hall.publish("state", counted) == publish_result::overloaded); // its bytes are counted
  CHECK(actors::room_handle{}.publish("state", counted) == publish_result::gone);
  CHECK(runs == 2); // of the first one, in both codecs
}

TEST_CASE("a user is sent nested values as a direct") {
  world w;
  auto one = connect(w.play, "bob"), two = connect(w.play, "bob", 1, encoding::v1_msgpack);
  auto bob = w.play.node().user("bob");

  CHECK(bob.send([](object_writer& out) {
    out.field("seq", 5); // no field of the message
    out.object("item", [](object_writer& o) { o.field("name", "sword"); });
  }) == publish_result::accepted);

  for (auto& g : {one, two})
    CHECK(has(g->expect("direct"), R"("data":{"seq":5,"item":{"name":"sword"}}})"));

  auto large = [](object_writer& out) { out.field("a", std::string(70'000, 'x')); };
  auto twice = [](object_writer& out) {
    out.field("a", 1);
    out.field("a", 2);
  };
  CHECK_THROWS_AS(bob.send(large), std::invalid_argument);
  CHECK_THROWS_AS(bob.send(twice), std::invalid_argument);
  w.play.settle();
  one->expect_nothing();
}
