// Clients that come back and say where they left off, in whole nodes on loops that the test runs.

#include "scripted_rooms.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::actors;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;
using positions = std::vector<std::uint64_t>;

namespace {

/// A room on the second loop, if there are two, in which Ben talks. Ann comes and goes.
struct stage : scripted_rooms {
  explicit stage(node_options with = options(2)) : scripted_rooms(std::move(with)) {
    room = world.room_on(world.node.loops() - 1);
    ben = connect("ben", encoding::v1_json, world.node.loops() - 1);
    ben->join(room);
    settle();
    ann = connect("ann");
    ann->join(room);
    settle();
    auto joined = take(*ann).back();
    epoch = protocol::document_view{protocol::codec::json, joined}.string("epoch").value();
  }

  void settle() { world.settle(); }
  void talk(int times, std::size_t size = 10) { talk_in(room, times, size); }
  void talk_in(const std::string& name, int times, std::size_t size = 10) {
    for (int i = 0; i < times; ++i)
      ben->publish(name, std::string(size, 'x'));
    settle();
    (void)ben->session.take_frames();
  }
  std::string since(std::uint64_t seq) const {
    return R"({"epoch":")" + epoch + R"(","seq":)" + std::to_string(seq) + "}";
  }
  /// Ann is cut off, and comes back on a socket that takes `window` bytes.
  void reconnect(std::optional<std::size_t> window = {}) {
    ann->session.disconnect();
    settle();
    ann = connect("ann");
    ann->session.set_window(window);
  }
  void come_back(std::uint64_t seq, std::optional<std::size_t> window = {}) {
    reconnect(window);
    ann->say(R"({"type":"join","roomId":")" + room + R"(","since":)" + since(seq) + "}");
    settle();
  }
  strings take(client& c) { return heard(c); }
  /// Lets Ann read all, a little at a time.
  strings read_all(std::size_t step = 10'000) {
    strings all;
    for (auto idle = 0; idle < 2;) {
      ann->session.set_window(step);
      settle();
      auto more = take(*ann);
      idle = more.empty() ? idle + 1 : 0;
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }
  static positions seqs(const strings& texts, std::string_view type = "message") {
    positions all;
    for (auto& t : texts) {
      protocol::document_view view{protocol::codec::json, t};
      if (view.string("type") == type)
        all.push_back(view.unsigned_integer("seq").value_or(0));
    }
    return all;
  }

  std::string room;
  std::string epoch;
  std::unique_ptr<client> ben, ann;
};

positions from_to(std::uint64_t first, std::uint64_t last) {
  positions all;
  for (; first <= last; ++first)
    all.push_back(first);
  return all;
}

} // namespace

// Pins §4.90, §10.20.
TEST_CASE("who comes back gets each message once, in order, and then what is said") {
  for (auto loops : {1u, 2u})
    for (auto size : {10u, 3000u}) { // at once, or in slices
      stage s{scripted_rooms::options(loops)};
      s.talk(5, size);
      (void)s.take(*s.ann);
      s.talk(100, size);

      s.come_back(5);
      auto joined = s.take(*s.ann);
      s.talk(3, size);
      auto all = s.seqs(joined);
      auto live = s.seqs(s.take(*s.ann));
      all.insert(all.end(), live.begin(), live.end());

      CAPTURE(loops, size);
      CHECK(joined.front().find(R"("seq":105,"recovered":true)") != std::string::npos);
      CHECK(all == from_to(6, 108));
    }
}

// Pins §10.20.
TEST_CASE("who comes back over a slow link is not cut while others go on talking") {
  stage s;
  s.talk(200, 4000);
  strings got;
  s.come_back(0, 0);
  for (int i = 0; i < 200; ++i) { // 6,400 bytes for each 4,000 that are said
    s.ann->session.set_window(6400);
    s.talk(1, 4000);
    auto more = s.take(*s.ann);
    got.insert(got.end(), more.begin(), more.end());
    CHECK(s.ann->session.queued_bytes() < 200'000);
  }
  auto rest = s.read_all();
  got.insert(got.end(), rest.begin(), rest.end());

  CHECK(s.seqs(got) == from_to(1, 400));
  CHECK(s.ann->close_code() == 0);
}

// Pins §10.20.
TEST_CASE("who comes back to 20 rooms at once over a slow link gets all of them") {
  stage s;
  strings rooms;
  for (int i = 0; i < 20; ++i) {
    rooms.push_back("hall" + std::to_string(i));
    s.ben->join(rooms.back());
    s.settle();
    s.talk_in(rooms.back(), 256, 64);
  }
  strings joins;
  for (auto& name : rooms) {
    s.ben->say(R"({"type":"join","roomId":")" + name + "\"}"); // tells the epoch once more
    s.settle();
    auto epoch =
      protocol::document_view{protocol::codec::json, s.take(*s.ben).back()}.string("epoch");
    joins.push_back(R"({"type":"join","roomId":")" + name + R"(","since":{"epoch":")"
                    + epoch.value() + R"(","seq":0}})");
  }

  s.reconnect(0);
  for (auto& join : joins)
    s.ann->say(join);
  s.settle();
  auto got = s.read_all(6400);

  CHECK(s.seqs(got, "joined").size() == 20);
  for (auto& name : rooms) {
    strings of_room;
    for (auto& text : got)
      if (text.find("\"" + name + "\"") != std::string::npos)
        of_room.push_back(text);
    CHECK(s.seqs(of_room) == from_to(1, 256));
  }
  CHECK(s.ann->close_code() == 0);
}

// Pins §10.21.
TEST_CASE("the own messages of one who catches up come back to it in order, and their acks behind "
          "them") {
  stage s;
  s.talk(100, 4000);
  s.come_back(0, 0);
  s.ann->say(R"({"type":"message","text":"mine","ref":"r1"})");
  s.settle();
  s.talk(2, 4000);

  auto got = s.read_all();

  CHECK(s.seqs(got) == from_to(1, 103));
  auto ack = std::find_if(got.begin(), got.end(),
                          [](auto& t) { return t.find(R"("ack")") != std::string::npos; });
  REQUIRE(ack != got.end());
  CHECK((ack - 1)->find("mine") != std::string::npos);
  CHECK(ack->find(R"("ref":"r1")") != std::string::npos);
}

// Pins §10.22.
TEST_CASE("who is overrun while it catches up is told so, and goes on from there") {
  auto with = scripted_rooms::options(2);
  with.rooms.history_messages = 20;
  stage s{with};
  s.talk(20, 8000);
  s.come_back(0, 0);
  s.talk(40, 8000);

  auto got = s.read_all();
  s.talk(2);
  auto live = s.read_all();

  auto joined = s.seqs(got, "joined");
  CHECK(joined == positions{20, 60});
  CHECK(got.back().find(R"("seq":60,"recovered":false)") != std::string::npos);
  auto said = s.seqs(got);
  CHECK(said == from_to(1, said.size()));
  CHECK(said.size() < 20);
  CHECK(s.seqs(live) == from_to(61, 62));
}

// Pins §10.23.
TEST_CASE("who leaves or is kicked while it catches up has what its left says, and may go on") {
  auto kicked = GENERATE(false, true);
  stage s;
  s.script.join = [&](room_context& room, const member& m) {
    if (kicked && m.user_id == "eve")
      room.for_each_member([&](const member& who) {
        if (who.user_id == "ann")
          room.kick(who.key);
      });
  };
  s.talk(100, 4000);
  s.come_back(0, 0);
  if (kicked) {
    auto eve = s.connect("eve");
    eve->join(s.room);
    s.settle();
  } else {
    s.ann->say(R"({"type":"leave"})");
    s.settle();
  }
  auto got = s.read_all();
  auto left = s.seqs(got, "left");

  REQUIRE(left.size() == 1);
  CHECK(left[0] < 100);
  CHECK(s.seqs(got) == from_to(1, left[0]));
  s.ann->say(R"({"type":"join","roomId":")" + s.room + R"(","since":)" + s.since(left[0]) + "}");
  s.settle();
  CHECK(s.seqs(s.read_all()) == from_to(left[0] + 1, 100));
}

// Pins §10.24.
TEST_CASE("as a room ends, one that catches up hears it last, and each of its refs is answered") {
  auto end = GENERATE(as<std::string>{}, "end", "boom");
  stage s;
  s.talk(100, 4000);
  s.come_back(0, 0);
  s.ann->say(R"({"type":"message","text":"mine","ref":"r1"})");
  s.settle();
  s.ben->say(R"({"type":")" + end + "\"}");
  s.ann->say(R"({"type":"message","text":"too late","ref":"r2"})");
  s.settle();

  auto got = s.read_all();
  s.ann->say(R"({"type":"message","text":"later","ref":"r3"})");
  auto later = s.read_all();

  auto at = [&](std::string_view text) {
    return std::find_if(got.begin(), got.end(),
                        [&](auto& t) { return t.find(text) != std::string::npos; });
  };
  CHECK(at(R"("ack","ref":"r1")") < at(R"("roomClosed")"));
  CHECK(at(R"("roomClosed")") < got.end());
  CHECK(at(R"("ref":"r2")") < got.end());
  auto said = s.seqs(got);
  CHECK(said == from_to(1, said.size()));
  CHECK(scripted_rooms::any(later, R"("ref":"r3")"));
  CHECK(scripted_rooms::any(later, "not_joined"));
}

TEST_CASE("one that is cut off while it catches up leaves nothing behind") {
  stage s;
  s.talk(100, 4000);
  s.come_back(0, 0);
  s.ann->say(R"({"type":"message","text":"mine","ref":"r1"})");
  s.settle();

  s.ann->session.disconnect();
  s.settle();
  s.talk(1);
  s.ben->say(R"({"type":"leave"})");
  s.settle();

  CHECK(s.ann->session.held_messages() == 0);
  CHECK(s.ann->session.ended());
}

// Pins §16.61.
TEST_CASE("one that comes back to 128 rooms and reads nothing makes the server keep little") {
  stage s{scripted_rooms::options(1)};
  strings joins;
  for (int i = 0; i < 127; ++i) {
    auto name = "hall" + std::to_string(i);
    s.ben->join(name);
    s.settle();
    auto joined = s.take(*s.ben).back();
    auto epoch = protocol::document_view{protocol::codec::json, joined}.string("epoch");
    s.talk_in(name, 20, 30'000);
    joins.push_back(R"({"type":"join","roomId":")" + name + R"(","since":{"epoch":")"
                    + epoch.value() + R"(","seq":0}})");
  }
  s.reconnect(0);
  auto before = s.world.node.stats().output_bytes;
  for (auto& join : joins)
    s.ann->say(join);
  s.settle();

  CHECK(s.ann->session.queued_bytes() < 128 * 1024);
  CHECK(s.world.node.stats().output_bytes - before < 256 * 1024);
  CHECK(s.ann->close_code() == 0);
}
