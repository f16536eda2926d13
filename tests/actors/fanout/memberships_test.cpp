#include "fanout/memberships.hpp"

#include "fanout/member_group.hpp"
#include "support/fake_sink.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::shared_bytes;
using troupe::test::fake_sink;

namespace {

/// Some rooms on one loop, each with one encoding.
struct house {
  explicit house(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      rooms.push_back(std::make_unique<member_group>(all));
  }

  session_key open() {
    auto& s = *sinks.emplace_back(std::make_unique<fake_sink>());
    return table.open(s);
  }
  session_key enter(std::initializer_list<std::size_t> where) {
    auto key = open();
    for (auto r : where)
      rooms[r]->add(key);
    return key;
  }
  fake_sink& at(session_key key) { return static_cast<fake_sink&>(*table.find(key)); }
  void say(std::size_t room, std::string text, session_key except = {}) {
    rooms[room]->make_room_for_push(bool(except));
    rooms[room]->push(shared_bytes::copy_of(text), except, {}, {});
  }
  void flush(std::size_t room, std::size_t sends = 1000) {
    if (rooms[room]->pending())
      rooms[room]->flush(sends, false, table, nullptr, gone);
  }
  void flush_all() {
    for (std::size_t r = 0; r < rooms.size(); ++r)
      while (rooms[r]->pending())
        flush(r);
  }

  session_table table{0};
  std::vector<std::unique_ptr<fake_sink>> sinks;
  memberships all;
  std::vector<std::unique_ptr<member_group>> rooms;
  std::vector<session_key> gone;
};

} // namespace

TEST_CASE("what several rooms have for one client leaves in one send, room by room in order") {
  house h{3};
  auto a = h.enter({0, 1, 2});
  h.say(0, "x1");
  h.say(1, "y1");
  h.say(0, "x2");
  h.say(2, "z1");

  h.flush(0);

  CHECK(h.at(a).bytes == "x1x2y1z1");
  CHECK(h.at(a).sends == 1);
  h.flush_all();
  CHECK(h.at(a).bytes == "x1x2y1z1");
  CHECK(h.at(a).sends == 1);
}

TEST_CASE("a client of one room gets its batch as it lies, whoever else is in other rooms") {
  house h{2};
  auto a = h.enter({0}), b = h.enter({0, 1});
  h.say(0, "x");
  h.say(1, "y");

  h.flush_all();

  CHECK(h.at(a).writes == 1);
  CHECK(h.at(a).sends == 0);
  CHECK(h.at(b).sends == 1);
  CHECK(h.rooms[0]->sole_size() == 1);
  CHECK(h.rooms[1]->sole_size() == 0);
}

TEST_CASE("while one room alone has something its members get the batch as it lies, whatever "
          "others they are in") {
  house h{3};
  auto a = h.enter({0, 1, 2});
  h.say(1, "y1");
  h.say(1, "y2", a);
  h.flush_all();
  CHECK(h.at(a).bytes == "y1");
  CHECK(h.at(a).writes == 1);
  CHECK(h.at(a).sends == 0);

  h.say(2, "z");
  h.say(0, "x");
  h.flush(2);
  CHECK(h.at(a).bytes == "y1xz");
  CHECK(h.at(a).sends == 1);
  h.flush_all();
  h.say(0, "w");
  h.flush_all();
  CHECK(h.at(a).bytes == "y1xzw");
  CHECK(h.at(a).sends == 1);
  CHECK(h.all.pending_groups() == 0);
}

TEST_CASE("a room that ends with something to say leaves its number to the next one") {
  house h{2};
  auto a = h.enter({0, 1});
  h.say(0, "x");
  auto index = h.rooms[0]->index();
  h.rooms[0].reset();
  CHECK(h.all.pending_groups() == 0);

  h.rooms[0] = std::make_unique<member_group>(h.all);
  CHECK(h.rooms[0]->index() == index);
  h.rooms[0]->add(a);
  h.say(1, "y");
  h.flush_all();
  CHECK(h.at(a).bytes == "y");
}

TEST_CASE("a client that has left all rooms but one is a client of one room again") {
  house h{3};
  auto a = h.enter({0, 1, 2});
  h.rooms[1]->remove(a);
  h.rooms[0]->remove(a);
  h.say(2, "z");

  h.flush_all();

  CHECK(h.at(a).bytes == "z");
  CHECK(h.at(a).sends == 0);
}

TEST_CASE("what a room said after its batch was begun goes along") {
  house h{2};
  auto first = h.enter({0}), a = h.enter({0, 1});
  h.say(0, "x1");
  h.flush(0, 1); // `first` has got it
  h.say(0, "x2");
  h.say(1, "y1");

  h.flush(1);

  CHECK(h.at(first).bytes == "x1");
  CHECK(h.at(a).bytes == "x1x2y1");
  h.flush_all();
  CHECK(h.at(a).bytes == "x1x2y1");
  CHECK(h.at(first).bytes == "x1x2");
}

TEST_CASE("what a client is excluded from is missing in a gathered send, and only that") {
  house h{2};
  auto a = h.enter({0, 1});
  h.say(0, "x1");
  h.say(0, "x2", a);
  h.say(0, "x3");
  h.say(1, "y1", a);

  h.flush_all();

  CHECK(h.at(a).bytes == "x1x3");
}

TEST_CASE("a session in the slot of one that is gone gets nothing of its rooms") {
  house h{2};
  auto a = h.enter({0, 1});
  h.say(0, "x");
  h.say(1, "y");
  h.table.close(a);
  auto b = h.enter({1});
  REQUIRE(b.slot == a.slot);
  h.say(1, "z");

  h.flush_all();

  CHECK(h.at(b).bytes == "z");
  CHECK(h.gone.size() == 2);
}

TEST_CASE("a room that is gone is no place of its members any more") {
  house h{3};
  auto a = h.enter({0, 1});
  h.rooms[0].reset();
  h.say(1, "y");

  h.flush(1);

  CHECK(h.at(a).bytes == "y");
  CHECK(h.at(a).sends == 0);
}

/// From each of its rooms, every client hears exactly what was said while it was a member, in
/// order, except what excluded it.
TEST_CASE("clients of many rooms miss nothing and hear nothing twice, however they come, go and "
          "are flushed") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    auto draw = [&](std::size_t n) {
      return std::uniform_int_distribution<std::size_t>{0, n - 1}(random);
    };
    const std::size_t rooms = 1 + draw(6);
    house h{rooms};
    std::vector<session_key> clients;
    for (std::size_t i = 0, n = 2 + draw(30); i < n; ++i)
      clients.push_back(h.open());
    std::map<std::pair<std::uint32_t, std::size_t>, std::string> expected; // by client and room
    std::set<std::pair<std::uint32_t, std::size_t>> members;
    int number = 0;
    for (int step = 0; step < 400; ++step) {
      auto room = draw(rooms);
      auto who = clients[draw(clients.size())];
      auto& group = *h.rooms[room];
      switch (draw(8)) {
        case 0:
          group.add(who);
          members.emplace(who.slot, room);
          break;
        case 1:
          group.catch_up(who, h.table); // as the dispatcher does before it sends `left`
          group.remove(who);
          members.erase({who.slot, room});
          break;
        case 2: group.catch_up(who, h.table); break;
        case 3: h.flush(room, draw(4)); break;
        case 4: h.flush(room); break;
        default: {
          auto except = draw(3) == 0 ? who : session_key{};
          auto text =
            std::string(1, static_cast<char>('a' + room)) + std::to_string(++number) + ";";
          h.say(room, text, except);
          for (auto c : clients)
            if (members.contains({c.slot, room}) && !(c == except))
              expected[{c.slot, room}] += text;
        }
      }
    }
    h.flush_all();

    for (auto c : clients) {
      std::map<std::size_t, std::string> heard;
      for (std::size_t at = 0; at < h.at(c).bytes.size();) {
        auto end = h.at(c).bytes.find(';', at) + 1;
        heard[static_cast<std::size_t>(h.at(c).bytes[at] - 'a')] +=
          h.at(c).bytes.substr(at, end - at);
        at = end;
      }
      for (std::size_t r = 0; r < rooms; ++r)
        CHECK(heard[r] == expected[{c.slot, r}]);
    }
  }
}
