// Seats that are found, held and taken, in whole nodes of three loops.

#include "arena_rooms.hpp"

#include <catch2/catch.hpp>

#include <cctype>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test;
using namespace std::chrono_literals;
using protocol::comparison;
using protocol::errc;
using strings = std::vector<std::string>;

namespace {

std::string reserve_command(std::string_view fields = R"("pattern":"arena:*")") {
  return R"({"type":"$reserve","ref":"q",)" + std::string{fields} + '}';
}

} // namespace

TEST_CASE("a wish makes a room, the next one finds it, and the third makes another") {
  arenas a;

  auto first = a.reserve("ann");
  REQUIRE(first);
  CHECK(first->code == errc::ok);
  CHECK(first->made);
  CHECK(first->hold == 15s);
  CHECK(first->room_name.size() == std::string{"arena:"}.size() + 22);
  auto second = a.reserve("bob");
  CHECK(second->room_name == first->room_name);
  CHECK_FALSE(second->made);
  CHECK(a.room_for("cid") != first->room_name);
  CHECK(a.rooms() == 2);
}

TEST_CASE("wishes of one moment fill rooms one by one") {
  arenas a;
  std::map<std::string, int> seats;
  int answers = 0;
  a.stage.together([&] {
    for (int i = 0; i < 9; ++i)
      a.stage.node().reserve({"arena:*", "u" + std::to_string(i)}, [&](auto& r) {
        ++answers;
        ++seats[r.room_name];
      });
  });

  CHECK(answers == 9);
  CHECK(seats.size() == 5);
  CHECK(a.rooms() == 5);
  for (auto& [name, n] : seats)
    CHECK(n <= 2);
}

// Pins §4.184.
TEST_CASE("who has a held seat comes in, and nobody else does") {
  arenas a;
  auto room = a.room_for("ann");
  a.room_for("bob");

  auto& cid = a.stage.connect("cid");
  CHECK(cid.join(room).expect("error").text("code") == "room_full");
  a.stage.connect("ann").join(room).expect("joined");
  a.stage.connect("bob").join(room).expect("joined");
  CHECK(cid.join(room).expect("error").text("code") == "room_full");
}

// Pins §4.185.
TEST_CASE("a held seat ends with its time, and its room with the last of them") {
  arenas a;
  auto room = a.room_for("ann");
  a.stage.advance(10s);
  a.room_for("bob");

  a.stage.advance(5'200ms);
  CHECK(a.rooms() == 1);
  CHECK(a.list().rooms.at(0).reserved == 1);
  a.stage.advance(10s);
  CHECK(a.rooms() == 0);
  CHECK(a.notes.alive[room] == 0);
  CHECK(a.list().rooms.empty());
}

TEST_CASE("a room that was made for a wish lives on with those who have come") {
  arenas a;
  auto room = a.room_for("ann");
  auto& ann = a.stage.connect("ann");
  ann.join(room).expect("joined");

  a.stage.advance(60s);
  CHECK(a.notes.alive[room] == 1);
  CHECK(a.room_for("bob") == room);
  ann.drop();
  a.stage.advance(60s);
  CHECK(a.rooms() == 0);
}

TEST_CASE("rooms are found by what they tell about themselves") {
  arenas a;
  auto duel = a.room_for("ann", {{"mode", comparison::equal, "duel"}});
  auto race = a.room_for("bob", {{"mode", comparison::equal, "race"}});

  CHECK(duel != race);
  CHECK(a.room_for("cid", {{"mode", comparison::equal, "race"}}) == race);
  auto& ann = a.stage.connect("ann");
  ann.join(duel).expect("joined");
  ann.say(R"({"type":"mode","mode":"chess"})");
  // The matchmaker has not heard of it yet: the room refuses.
  CHECK(a.room_for("dan", {{"mode", comparison::equal, "duel"}}) != duel);
  CHECK(a.room_for("eve", {{"mode", comparison::equal, "chess"}}) == duel);
}

TEST_CASE("nobody is led to a locked room") {
  arenas a;
  auto room = a.room_for("ann");
  auto& ann = a.stage.connect("ann");
  ann.join(room).expect("joined");
  ann.say(R"({"type":"lock"})");

  auto other = a.room_for("bob");
  CHECK(other != room);
  CHECK(a.stage.connect("cid").join(room).expect("error").text("message") == "The room is locked.");
  a.stage.advance(200ms);
  CHECK(a.list().rooms.size() == 2);
  ann.say(R"({"type":"lock"})");
  a.stage.advance(200ms);
  CHECK(a.room_for("dan") == room);
}

TEST_CASE("a room that has crashed or ended is not found any more") {
  for (std::string how : {"boom", "end"}) {
    arenas a;
    auto room = a.room_for("ann");
    auto& ann = a.stage.connect("ann");
    ann.join(room).expect("joined");
    ann.say(R"({"type":")" + how + "\"}");

    CHECK(a.list().rooms.empty());
    CHECK(a.room_for("bob") != room);
    CHECK(a.notes.made[room] == 1);
  }
}

TEST_CASE("a room whose behaviour fails as it is made is made once for a wish") {
  arenas a;
  a.notes.create = [](room_context&) { throw std::runtime_error{"no"}; };

  CHECK(a.room_for("ann") == "room_closed");

  CHECK(a.notes.made.size() == 1);
  CHECK(a.notes.made.begin()->second == 1);
  CHECK(a.rooms() == 0);
  CHECK(a.list().rooms.empty());
}

TEST_CASE("a room that ends itself as it is made is made once for a wish") {
  arenas a;
  a.notes.create = [](room_context& room) { room.end(); };

  CHECK(a.room_for("ann") == "room_closed");
  CHECK(a.notes.made.size() == 1);
  CHECK(a.rooms() == 0);
}

TEST_CASE("rooms that clients have made by joining are found, too") {
  arenas a;
  a.stage.connect("ann").join("arena:mine").expect("joined");
  a.stage.advance(200ms);

  CHECK(a.room_for("bob") == "arena:mine");
}

TEST_CASE("the node's bound of rooms holds for wishes") {
  auto o = arenas::options();
  o.rooms.max_rooms = 1;
  arenas a{o};
  a.room_for("ann");
  a.room_for("bob");

  CHECK(a.room_for("cid") == "node_room_limit");
  CHECK(a.rooms() == 1);
}

TEST_CASE("a new room gets a name that belongs to its pattern") {
  testing::stage s{arenas::options()};
  room_options of;
  of.reservable = reserve_policy::server;
  of.max_members = 1;
  // Names that begin with a letter belong to rooms that were given before.
  for (char c = 'A'; c <= 'Z'; ++c)
    for (char letter : {c, static_cast<char>(c - 'A' + 'a')})
      s.node().rooms(std::string{"a:"} + letter + '*',
                     [](auto) { return std::make_unique<room_behavior>(); });
  s.node().rooms(
    "a:*", [](auto) { return std::make_unique<room_behavior>(); }, of);
  strings made;
  for (int i = 0; i < 20; ++i)
    s.node().reserve({"a:*", "u" + std::to_string(i)},
                     [&](auto& r) { made.push_back(r.room_name); });
  s.settle();

  REQUIRE(made.size() == 20);
  for (auto& name : made)
    CHECK_FALSE(std::isalpha(static_cast<unsigned char>(name.at(2))));
}

TEST_CASE("a pattern that is one name has one room") {
  testing::stage s{arenas::options()};
  room_options of;
  of.reservable = reserve_policy::server;
  of.max_members = 1;
  s.node().rooms(
    "hall", [](auto) { return std::make_unique<room_behavior>(); }, of);
  strings heard;
  auto wish = [&](std::string user) {
    s.node().reserve({"hall", std::move(user)}, [&](auto& r) {
      heard.push_back(std::string{to_string(r.code)} + " " + r.room_name);
    });
    s.settle();
  };

  wish("ann");
  wish("bob");
  s.advance(20s);
  wish("bob");

  CHECK(heard == strings{"ok hall", "room_full ", "ok hall"});
}

TEST_CASE("rooms are listed by pages") {
  arenas a;
  for (auto* name : {"arena:c", "arena:a", "arena:b"})
    a.stage.connect("of " + std::string{name}).join(name).expect("joined");
  a.stage.connect("else").join("lobby").expect("joined");
  a.stage.advance(200ms);
  CHECK(a.room_for("ann") == "arena:c"); // of three alike it was made first
  a.stage.advance(200ms);

  auto first = a.list({}, 2);
  REQUIRE(first.rooms.size() == 2);
  CHECK_FALSE(first.complete);
  CHECK(first.rooms[0].name == "arena:a");
  auto rest = a.list(first.rooms[1].name, 2);
  REQUIRE(rest.rooms.size() == 1);
  CHECK(rest.complete);
  auto& c = rest.rooms[0];
  CHECK(c.name == "arena:c");
  CHECK(c.members == 1);
  CHECK(c.reserved == 1);
  CHECK(c.capacity == 2);
  CHECK(c.metadata->empty());
  CHECK_FALSE(c.locked);
}

TEST_CASE("each mistake of a wish is told in a sentence, and asks nobody") {
  arenas a;
  auto& node = a.stage.node();
  auto nothing = [](auto&) {};
  auto said = [&](reservation_request wanted) {
    try {
      node.reserve(std::move(wanted), nothing);
    } catch (const std::invalid_argument& e) {
      return std::string{e.what()};
    }
    return std::string{"nothing"};
  };

  CHECK(said({"arena", "ann"}) == R"(reserve("arena"): no rooms were given with this pattern)");
  CHECK(said({"arena:*", ""}) == R"(reserve("arena:*"): a seat is somebody's: user_id is empty)");
  CHECK(said({"arena:*", "ann", {}, {}, 0ms})
        == R"(reserve("arena:*"): a seat is held for 1 ms to 1 h, not for 0 ms)");
  CHECK(said({"arena:*", "ann", {}, {}, 3'600'001ms}).find("1 ms to 1 h") != std::string::npos);
  CHECK(said({"arena:*", "ann", {{"a", comparison::at_least, "x"}}})
        == R"(reserve("arena:*"): filter compares at_least and at_most with numbers only)");
  CHECK(said({"arena:*", "ann", {{"a", comparison::at_least, 1}}}).find("would not fit")
        != std::string::npos);
  CHECK_THROWS_AS(node.reserve({"arena:*", "ann"}, nullptr), std::invalid_argument);
  CHECK_THROWS_AS(node.list("arena:*", "", 10, nullptr), std::invalid_argument);
  CHECK_THROWS_WITH(node.list("arena:*", "", 0, nothing),
                    R"(list("arena:*"): a page has 1 to 1000 rooms, not 0)");
  CHECK_THROWS_AS(node.list("arena:*", "", 1001, nothing), std::invalid_argument);
  a.stage.settle();
  CHECK(a.rooms() == 0);
}

TEST_CASE("rooms whose pattern does not say so are not reserved, nor listed") {
  arenas a{arenas::options(), reserve_policy::off};

  CHECK_THROWS_WITH(a.stage.node().reserve({"arena:*", "ann"}, [](auto&) {}),
                    R"(reserve("arena:*"): room_options.reservable of these rooms is off)");
  CHECK_THROWS_AS(a.list(), std::invalid_argument);
}

TEST_CASE("a prefix that leaves no place for random names is refused") {
  testing::stage s;
  room_options of;
  of.reservable = reserve_policy::server;
  auto make = [](auto) { return std::make_unique<room_behavior>(); };

  CHECK_THROWS_WITH(
    s.node().rooms(std::string(107, 'a') + '*', make, of),
    Catch::Contains("the prefix of rooms that are reservable has at most 106 bytes"));
  s.node().rooms(std::string(106, 'a') + '*', make, of);
}

TEST_CASE("more wishes than may wait are refused at once") {
  auto o = arenas::options();
  o.matchmaking.max_waiting = 2;
  arenas a{o};
  int answers = 0;
  auto wish = [&] { return a.stage.node().reserve({"arena:*", "ann"}, [&](auto&) { ++answers; }); };

  CHECK(wish() == publish_result::accepted);
  CHECK(wish() == publish_result::accepted);
  CHECK(wish() == publish_result::overloaded);
  CHECK(a.stage.node().list("arena:*", "", 1, [](auto&) {}) == publish_result::overloaded);
  a.stage.settle();
  CHECK(answers == 2);
  CHECK(wish() == publish_result::accepted);
}

// Pins §16.91.
TEST_CASE("more users than may have a held seat are refused") {
  auto o = arenas::options();
  o.matchmaking.max_held = 1;
  arenas a{o};
  a.room_for("ann");

  CHECK(a.room_for("bob") == "overloaded");
  a.stage.advance(15s);
  CHECK(a.room_for("bob").starts_with("arena:"));
  CHECK(a.room_for("cid") == "overloaded");
  a.stage.advance(15s);
  CHECK(a.room_for("cid").starts_with("arena:"));
}

TEST_CASE("a wish that the node's end overtakes has one answer, and later ones are gone") {
  strings heard;
  {
    arenas a;
    a.room_for("ann");
    a.stage.node().reserve({"arena:*", "bob"},
                           [&](auto& r) { heard.emplace_back(to_string(r.code)); });
    a.stage.node().request_stop();
    CHECK(a.stage.node().reserve({"arena:*", "cid"}, [](auto&) {}) == publish_result::gone);
    CHECK(a.stage.node().list("arena:*", "", 1, [](auto&) {}) == publish_result::gone);
  }
  CHECK(heard.size() == 1);
}

TEST_CASE("a handler that throws harms nobody") {
  arenas a;
  a.stage.node().reserve({"arena:*", "ann"}, [](auto&) { throw std::runtime_error{"boom"}; });
  a.stage.settle();

  CHECK(a.room_for("bob").starts_with("arena:"));
}

TEST_CASE("a handler may wish again") {
  arenas a;
  strings heard;
  a.stage.node().reserve({"arena:*", "ann"}, [&](auto& first) {
    heard.push_back(first.room_name);
    a.stage.node().reserve({"arena:*", "bob"}, [&](auto& r) { heard.push_back(r.room_name); });
  });
  a.stage.settle();

  REQUIRE(heard.size() == 2);
  CHECK(heard[0] == heard[1]);
}

// -- by clients -----------------------------------------------------------------------------------

// Pins §4.180, §5.50.
TEST_CASE("a client reserves, joins the room that it is told, and others find the rest") {
  for (auto in : {protocol::encoding::v1_json, protocol::encoding::v1_msgpack,
                  protocol::encoding::plain_json}) {
    arenas a;
    auto& ann = a.stage.connect("ann", in);
    auto told = ann.say(reserve_command()).expect("$reserved");
    CHECK(told.text("ref") == "q");
    CHECK(told.number("holdMs") == 15'000);
    CHECK(told.text("made") == "true");
    auto room = told.text("roomId");
    CHECK(room.starts_with("arena:"));

    ann.join(room).expect("joined");
    CHECK(a.room_for("bob") == room);
    CHECK(a.room_for("cid") != room);
  }
}

// Pins §4.181, §4.186.
TEST_CASE("a client's filter and metadata count as those of a server") {
  arenas a;
  auto& ann = a.stage.connect("ann");
  auto room =
    ann
      .say(reserve_command(R"("pattern":"arena:*","filter":[{"name":"mode","value":"duel"}],)"
                           R"("metadata":{"level":3})"))
      .expect("$reserved")
      .text("roomId");

  CHECK(*a.list().rooms.at(0).metadata == protocol::metadata{{"level", 3}, {"mode", "duel"}});
  CHECK(a.room_for("bob", {{"level", comparison::at_most, 3}}, {{"level", 1}}) == room);
}

// Pins §4.187.
TEST_CASE("a client reserves only what its pattern and its token allow") {
  arenas a{arenas::options(), reserve_policy::server};
  auto& ann = a.stage.connect("ann");
  for (auto* pattern : {"arena:*", "nothing:*", "arena:x"}) {
    auto e =
      ann.say(reserve_command(R"("pattern":")" + std::string{pattern} + '"')).expect("error");
    CHECK(e.text("code") == "forbidden");
    CHECK(e.text("request") == "$reserve");
    CHECK(e.text("ref") == "q");
  }

  arenas open;
  auto with = [&](std::vector<std::string> rooms) -> testing::stage::client& {
    auto rights = std::make_shared<claims>();
    rights->subject = "ann";
    rights->rooms = std::move(rooms);
    auto& client = open.stage.connect(connection_info{
      .encoding = protocol::encoding::v1_json, .user_id = "ann", .claims = std::move(rights)});
    client.expect("welcome");
    return client;
  };
  CHECK(with({"arena:1", "lobby"}).say(reserve_command()).expect("error").text("code")
        == "forbidden");
  with({"arena:*"}).say(reserve_command()).expect("$reserved");
  with({"*"}).say(reserve_command()).expect("$reserved");
}

// Pins §4.188.
TEST_CASE("a client that asks again gets its seat again") {
  arenas a;
  auto& ann = a.stage.connect("ann");
  auto first = ann.say(reserve_command()).expect("$reserved").text("roomId");
  ann.say(reserve_command());
  auto again = ann.expect("$reserved");

  CHECK(again.text("roomId") == first);
  CHECK(again.text("made") == "false");
  CHECK(a.list().rooms.at(0).reserved == 1);
}

// Pins §4.189, §16.90.
TEST_CASE("a client hears why it gets no seat") {
  auto o = arenas::options();
  o.rooms.max_rooms = 1;
  o.matchmaking.max_waiting = 1;
  arenas a{o};
  a.room_for("bob");
  a.room_for("cid");
  auto& ann = a.stage.connect("ann");

  auto e = ann.say(reserve_command()).expect("error");
  CHECK(e.text("code") == "node_room_limit");
  CHECK(e.text("retryable") == "true");
  CHECK(e.text("ref") == "q");
  a.stage.together([&] {
    ann.say(reserve_command());
    ann.say(reserve_command());
  });
  CHECK(ann.expect("error").text("code") == "overloaded");
  CHECK(ann.expect("error").text("code") == "node_room_limit");
}

TEST_CASE("a wish waits for the answer to a resume, and is then that user's") {
  arenas a;
  auto& ann = a.stage.connect(connection_info{.encoding = protocol::encoding::v1_json}, 0);
  auto welcome = ann.expect("welcome");
  ann.join("hall").expect("joined");
  ann.drop();
  auto& back = a.stage.connect(connection_info{.encoding = protocol::encoding::v1_json}, 1);
  back.expect("welcome");
  a.stage.together([&] {
    back.say(R"({"type":"resume","resume":")" + welcome.text("resume") + "\"}");
    back.say(reserve_command());
  });
  back.expect("resumed");
  auto room = back.expect("$reserved").text("roomId");

  CHECK(a.list().rooms.at(0).reserved == 1);
  back.join(room).expect("joined");
  a.stage.advance(200ms);
  CHECK(a.list().rooms.at(0).reserved == 0);
}

TEST_CASE("a client that has gone leaves a seat that ends with its time") {
  arenas a;
  auto& ann = a.stage.connect("ann");
  a.stage.together([&] {
    ann.say(reserve_command());
    ann.close();
  });
  a.stage.advance(20s);

  CHECK(a.rooms() == 0);
}
