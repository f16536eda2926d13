#include <utility>

#include "arena/arena_room.hpp"
#include "arena/bot.hpp"
#include "arena/scoreboard.hpp"
#include "node/guest.hpp"
#include "support/spawn_function.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::examples;
using namespace std::chrono_literals;
using protocol::map_view;
using test::stage;
using strings = std::vector<std::string>;

namespace {

[[maybe_unused]] const bool has_messages = (register_arena_messages(), true);

/// Two entries that face each other, 300 apart; nothing in between.
arena_map corridor() { return {{1000, 400}, {}, {{300, 200}, {600, 200}}}; }

/// A node of arenas, and players in `arena:1`.
struct site {
  explicit site(std::size_t fill = 0, bool real_bots = false) {
    auto board = test::spawn_function<scoreboard_actor::pointer>(play.system(), scoreboard);
    auto send = [this, real_bots](std::string_view room) {
      sent_for.emplace_back(room);
      if (real_bots)
        send_bot(play.node(), play.system(), room, static_cast<unsigned>(sent_for.size()));
    };
    play.node().rooms(
      "arena:*",
      [=](std::string_view) {
        return std::make_unique<arena_room>(arena_surroundings{board, send, fill, corridor()});
      },
      arena_room::options());
  }

  static stage::client& enter(stage::client& c, const std::string& name) {
    c.say(R"({"type":"join","roomId":"arena:1","profile":{"name":")" + name + "\"}}");
    c.expect("joined");
    return c;
  }
  stage::client& enter(const std::string& name) { return enter(play.connect(name), name); }

  strings sent_for; ///< the rooms that a bot was wished for
  stage play;
};

/// Of all messages that wait, the last one of that type; none is left.
std::optional<testing::heard_message> last(stage::client& c, std::string_view type) {
  auto all = c.take_all();
  auto found = std::find_if(all.rbegin(), all.rend(), [&](auto& m) { return m.type() == type; });
  return found == all.rend() ? std::nullopt : std::optional{*found};
}

struct seen_fighter {
  std::int64_t x = 0, health = 0;
  bool shielded = false;
};

/// The fighter of that number in the last state that waits.
seen_fighter fighter_of(stage::client& c, std::int64_t number) {
  auto state = last(c, "state");
  REQUIRE(state);
  map_view view{protocol::codec::json, state->bytes()};
  for (auto& one : view.list("fighters"))
    if (auto f = one.object(); f.integer("n") == number)
      return {f.integer("x").value(), f.integer("h").value(), f.boolean("s").value_or(false)};
  FAIL("no fighter " << number << " in " << state->json());
  return {};
}

/// The roster that a member has heard last: a line for each fighter.
strings roster(stage::client& c) {
  auto heard = last(c, "roster");
  REQUIRE(heard);
  map_view view{protocol::codec::json, heard->bytes()};
  strings lines;
  for (auto& one : view.list("fighters")) {
    auto f = one.object();
    auto line = f.string("name").value() + ' ' + std::to_string(f.integer("frags").value()) + ':'
              + std::to_string(f.integer("falls").value());
    lines.push_back(line + (f.boolean("away") ? " away" : "") + (f.boolean("bot") ? " bot" : ""));
  }
  return lines;
}

constexpr auto shields = 1'600ms;
constexpr auto a_fall = 1s; ///< for three shots over 300 units

} // namespace

TEST_CASE("who enters hears of the field, of all others, and a state in each tick") {
  site s;
  auto& ann = s.enter("Ann");
  auto field = ann.expect("field");
  CHECK(field.number("width") == 1000);

  (void)s.enter("Bob");
  CHECK(roster(ann) == strings{"Ann 0:0", "Bob 0:0"});
  s.play.advance(1s);

  auto all = ann.take_all();
  CHECK(std::count_if(all.begin(), all.end(), [](auto& m) { return m.type() == "state"; }) == 30);
}

TEST_CASE("the last input of a tick moves the fighter") {
  site s;
  auto& ann = s.enter("Ann");

  s.play.together([&] {
    ann.say(R"({"type":"input","x":1,"y":0,"aim":0})");
    ann.say(R"({"type":"input","x":-1,"y":0,"aim":0})");
  });
  s.play.advance(500ms);

  CHECK(fighter_of(ann, 1).x < 220);
}

TEST_CASE("an input that lacks something is refused") {
  site s;
  auto& ann = s.enter("Ann");

  ann.say(R"({"type":"input","x":1,"aim":"left","ref":7})");
  s.play.advance(100ms);

  auto error = last(ann, "error");
  REQUIRE(error);
  CHECK(error->text("code") == "bad_request");
  CHECK(error->number("ref") == 7);
}

TEST_CASE("a name that is none is refused") {
  site s;
  auto& ann = s.play.connect("ann");

  ann.say(R"({"type":"join","roomId":"arena:1","profile":{"name":""}})");

  CHECK(ann.expect("error").text("code") == "bad_request");
}

TEST_CASE("who brings somebody down scores, in the arena and among the best of all") {
  site s;
  auto& ann = s.enter("Ann");
  auto& bob = s.enter("Bob");
  s.play.advance(shields);
  (void)bob.take_all();

  ann.say(R"({"type":"input","x":0,"y":0,"aim":360,"fire":true})");
  s.play.advance(a_fall);

  CHECK(roster(ann) == strings{"Ann 1:0", "Bob 0:1"});
  auto heard = bob.take_all();
  auto find = [&](std::string_view type) {
    return *std::find_if(heard.begin(), heard.end(), [&](auto& m) { return m.type() == type; });
  };
  CHECK(find("frag").number("by") == 1);
  CHECK(find("frag").number("of") == 2);
  CHECK(find("best").text("players") == R"([{"name":"Ann","frags":1}])");
}

// -- seats ----------------------------------------------------------------------------------------

TEST_CASE("a lost connection keeps its seat: the fighter rests, and goes on as it was") {
  site s;
  auto ann = test::connect(s.play, "Ann");
  site::enter(*ann.line, "Ann");
  auto& bob = s.enter("Bob");
  s.play.advance(shields);
  bob.say(R"({"type":"input","x":0,"y":0,"aim":180,"fire":true})");
  s.play.advance(400ms);
  CHECK(fighter_of(bob, 1).health < 3);

  ann->drop();
  CHECK(roster(bob) == strings{"Ann 0:0 away", "Bob 0:0"});
  s.play.advance(10s);
  CHECK(fighter_of(bob, 1).health > 0);

  auto again = test::connect(s.play);
  again->say(test::resume_of(ann.resume, {}));
  CHECK(roster(*again.line) == strings{"Ann 0:0", "Bob 0:0"});
  s.play.advance(a_fall);
  CHECK(roster(bob) == strings{"Ann 0:1", "Bob 1:0"});
}

TEST_CASE("a seat is free again after its time") {
  site s;
  auto& ann = s.enter("Ann");
  auto& bob = s.enter("Bob");

  ann.drop();
  s.play.advance(21s);

  CHECK(roster(bob) == strings{"Bob 0:0"});
}

TEST_CASE("who enters in another window goes on there with the same fighter") {
  site s;
  auto& ann = s.enter("Ann");
  auto& bob = s.enter("Bob");
  s.play.advance(shields);
  ann.say(R"({"type":"input","x":0,"y":0,"aim":0,"fire":true})");
  s.play.advance(a_fall);

  auto& window = s.enter("Ann");

  auto left = last(ann, "left");
  REQUIRE(left);
  CHECK(left->text("message") == "You play in another window.");
  CHECK(roster(window) == strings{"Ann 1:0", "Bob 0:1"});
  CHECK(roster(bob) == strings{"Ann 1:0", "Bob 0:1"});
}

// -- seats that are reserved ----------------------------------------------------------------------

TEST_CASE("a player who asks for a seat gets one where others play") {
  site s;
  auto& ann = s.play.connect("ann");
  auto& bob = s.play.connect("bob");

  ann.say(R"({"type":"$reserve","pattern":"arena:*"})");
  auto room = ann.expect("$reserved").text("roomId");
  ann.join(room).expect("joined");
  bob.say(R"({"type":"$reserve","pattern":"arena:*"})");

  CHECK(last(bob, "$reserved")->text("roomId") == room);
}

TEST_CASE("beyond eight players there is a second arena") {
  site s;
  strings rooms;

  for (int i = 0; i < 9; ++i) {
    auto& one = s.play.connect("player " + std::to_string(i));
    one.say(R"({"type":"$reserve","pattern":"arena:*"})");
    rooms.push_back(one.expect("$reserved").text("roomId"));
    one.join(rooms.back()).expect("joined");
  }

  CHECK(std::count(rooms.begin(), rooms.end(), rooms.front()) == 8);
  CHECK(rooms.back() != rooms.front());
}

// -- bots -----------------------------------------------------------------------------------------

TEST_CASE("an arena asks for one bot a second until it is filled") {
  site s{3};

  (void)s.enter("Ann");
  s.play.advance(1s);
  CHECK(s.sent_for == strings{"arena:1"});
  (void)s.enter("bot:1");
  s.play.advance(1s);
  CHECK(s.sent_for.size() == 2);
  (void)s.enter("bot:2");
  s.play.advance(5s);

  CHECK(s.sent_for.size() == 2);
}

TEST_CASE("a bot goes when a player takes its place, and all do when no player is left") {
  site s{3};
  auto& ann = s.enter("Ann");
  auto& first = s.enter("bot:1");
  auto& second = s.enter("bot:2");

  auto& bob = s.enter("Bob");
  s.play.advance(1s);
  CHECK((last(first, "left") || last(second, "left")));
  CHECK(roster(ann).size() == 3);
  ann.say(R"({"type":"leave"})");
  bob.say(R"({"type":"leave"})");
  s.play.advance(1s);

  CHECK(s.play.node().stats().rooms == 0);
}

TEST_CASE("bots come, play, and leave with the last player") {
  site s{3, true};
  auto& ann = s.enter("Ann");

  s.play.advance(4s);
  auto there = roster(ann);
  REQUIRE(there.size() == 3);
  CHECK(there[0] == "Ann 0:0");
  CHECK(there[1].ends_with(" bot"));
  CHECK(there[1] != there[2]);
  s.play.advance(60s);
  CHECK(last(ann, "frag"));
  ann.say(R"({"type":"leave"})");
  s.play.advance(2s);

  CHECK(s.play.node().stats().rooms == 0);
}
