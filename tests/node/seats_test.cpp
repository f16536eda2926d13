#include <utility>

#include "guest.hpp"

#include <troupe/actors/claims.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// Writes down what its hooks hear of members.
struct noting final : actors::room_behavior {
  explicit noting(names& n) : said(n) {}
  void on_join(actors::room_context&, const actors::member& m) override {
    said.push_back("join " + m.user_id);
  }
  void on_drop(actors::room_context& room, const actors::member& m) override {
    said.push_back("drop " + m.user_id + (m.away ? " away" : ""));
    room.send_to(m.key, "lost", {});
  }
  void on_return(actors::room_context& room, const actors::member& m,
                 const actors::member& former) override {
    said.push_back("return " + m.user_id + (room.find(former.key) ? " twice" : ""));
    room.send_to(m.key, "hello", {});
  }
  void on_leave(actors::room_context&, const actors::member& m, actors::leave_reason why) override {
    said.push_back("leave " + m.user_id + " " + std::string{to_string(why)});
  }
  names& said;
};

/// A node whose rooms `game*` keep seats for a minute.
struct arena {
  explicit arena(unsigned loops = 1, actors::room_options o = {}, actors::node_options n = {})
    : play{[&] {
        n.loops = loops;
        if (n.sessions.resume_window == actors::session_options{}.resume_window)
          n.sessions.resume_window = 60s;
        n.connections.messages_per_second = 0;
        return n;
      }()} {
    o.keep_seat = 60s;
    play.node().rooms(
      "game*", [this](std::string_view) { return std::make_unique<noting>(said); }, o);
  }

  names said;
  testing::stage play;
};

actors::claims_ptr claims_of(std::string user) {
  auto c = std::make_shared<actors::claims>();
  c->subject = std::move(user);
  return c;
}

} // namespace

// Pins §10.33, §10.34.
TEST_CASE("a lost member keeps its seat, and its client comes back to it") {
  for (unsigned loops : {1u, 2u}) {
    arena a{loops};
    auto ann = connect(a.play, "ann"), bob = connect(a.play, "bob", loops - 1);
    join(bob, "game");
    auto game = join(ann, "game");
    bob->take_all();

    ann->drop();
    CHECK(bob->expect("$away").text("userId") == "ann");
    auto here = bob->say(R"({"type":"presence"})").expect("presence");
    CHECK(has(here, R"({"userId":"ann","away":true},{"userId":"bob"})"));
    bob->publish("game", "missed").expect("message");
    auto back = connect(a.play, "ann", loops - 1);
    back->say(resume_of(ann.resume, {game}));

    CHECK(has(back->expect("resumed"), R"("recovered":true)"));
    CHECK(types(back) == names{"message", "hello"});
    CHECK(bob->expect("$back").text("userId") == "ann");
    bob->expect_nothing();
    CHECK(a.said == names{"join bob", "join ann", "drop ann away", "return ann"});
    bob->publish("game", "live");
    CHECK(texts(back) == names{"live"});
  }
}

// Pins §10.35.
TEST_CASE("a seat ends at its time, for who does not come back") {
  arena a;
  auto ann = connect(a.play, "ann"), bob = connect(a.play, "bob");
  join(bob, "game");
  auto game = join(ann, "game");
  bob->take_all();
  ann->drop();
  bob->expect("$away");

  a.play.advance(59s);
  bob->expect_nothing();
  a.play.advance(2s);

  CHECK(bob->expect("userLeft").text("reason") == "disconnected");
  CHECK(a.said.back() == "leave ann disconnected");
}

// Pins §10.33.
TEST_CASE("a seat counts in the room's capacity, and keeps the room alive") {
  actors::room_options o;
  o.max_members = 1;
  o.history = false;
  arena a{1, o};
  auto ann = connect(a.play, "ann"), bob = connect(a.play, "bob");
  auto game = join(ann, "game");
  ann->drop();
  CHECK(bob->join("game").expect("error").text("code") == "room_full");

  auto back = connect(a.play, "ann");
  auto resumed = back->say(resume_of(ann.resume, {game})).expect("resumed");

  CHECK(has(resumed, R"("epoch":")" + game.epoch));
  CHECK(has(resumed, R"("recovered":true)"));
}

// Pins §10.36.
TEST_CASE("a client that closes for good, and a plain one, keep no seat") {
  arena a;
  auto ann = connect(a.play, "ann"), bob = connect(a.play, "bob");
  auto& plain = a.play.connect("cat", protocol::encoding::plain_json);
  join(bob, "game");
  join(ann, "game");
  plain.join("game").expect("joined");
  bob->take_all();

  ann->close(1000);
  plain.drop();

  CHECK(bob->expect("userLeft").text("userId") == "ann");
  CHECK(bob->expect("userLeft").text("userId") == "cat");
}

// Pins §10.34.
TEST_CASE("a connection that is still there is taken over on its seat in silence") {
  arena a{2};
  auto ann = connect(a.play, "ann"), bob = connect(a.play, "bob", 1);
  join(bob, "game");
  auto game = join(ann, "game");
  bob->take_all();

  auto back = connect(a.play, "ann", 1);
  back->say(resume_of(ann.resume, {game})).expect("resumed");

  bob->expect_nothing();
  CHECK(a.said == names{"join bob", "join ann", "return ann"});
  CHECK(bob->say(R"({"type":"presence"})").expect("presence").number("total") == 2);
}

// Pins §10.37.
TEST_CASE("a join with claims of the same user takes the seat, one without does not") {
  for (auto is_proved : {true, false}) {
    arena a;
    auto connect_again = [&]() -> testing::stage::client& {
      actors::connection_info info{protocol::encoding::v1_json, "ann"};
      if (is_proved)
        info.claims = claims_of("ann");
      auto& c = a.play.connect(info);
      c.expect("welcome");
      return c;
    };
    auto bob = connect(a.play, "bob");
    join(bob, "game");
    auto& ann = connect_again();
    ann.join("game").expect("joined");
    bob->expect("userJoined");
    ann.drop();
    bob->expect("$away");

    connect_again().join("game").expect("joined");

    CHECK(bob->expect("$back").text("userId") == "ann");
    CHECK(a.said.back() == (is_proved ? "return ann" : "join ann"));
    auto here = bob->say(R"({"type":"presence"})").expect("presence");
    CHECK(has(here, R"({"userId":"ann"},)"));
    a.play.advance(61s);
    CHECK(a.said.back() == (is_proved ? "return ann" : "leave ann disconnected"));
    bob->expect_nothing(); // its user has been there all the while
  }
}

// Pins §4.114, §10.37.
TEST_CASE("a lobby leaves a seat to the client that is about to resume its session") {
  actors::node_options n;
  n.lobby = "game";
  arena a{1, {}, n};
  actors::connection_info info{protocol::encoding::v1_json, "ann"};
  info.claims = claims_of("ann");
  auto bob = connect(a.play, "bob");
  auto& ann = a.play.connect(info);
  auto name = ann.expect("welcome").text("resume");
  ann.drop();
  auto& back = a.play.connect(info);
  back.take_all();

  auto resumed = back.say(resume_of(name, {})).expect("resumed");

  CHECK(has(resumed, R"("rooms":[{"roomId":"game")"));
  CHECK(has(bob->say(R"({"type":"presence"})").take_all().back(), R"({"userId":"ann"})"));
  CHECK(a.said.back() == "return ann");
}

// Pins §10.38.
TEST_CASE("a session whose seat is over does not take that of another one of its user") {
  arena a;
  auto connect_ann = [&](std::string& name) -> testing::stage::client& {
    actors::connection_info info{protocol::encoding::v1_json, "ann"};
    info.claims = claims_of("ann");
    auto& c = a.play.connect(info);
    name = c.expect("welcome").text("resume");
    return c;
  };
  std::string phone, laptop, other;
  auto& first = connect_ann(phone);
  first.join("game").expect("joined");
  first.drop();
  CHECK(a.play.node().room("game").end() == actors::publish_result::accepted);
  a.play.settle();
  auto& second = connect_ann(laptop);
  second.join("game").expect("joined");
  second.drop();
  auto& back = connect_ann(other);

  auto resumed = back.say(resume_of(phone, {})).expect("resumed");

  CHECK(has(resumed, R"("lost":[{"roomId":"game","code":"not_joined"}])"));
  auto& there = connect_ann(other);
  resumed = there.say(resume_of(laptop, {})).expect("resumed");
  CHECK(has(resumed, R"("rooms":[{"roomId":"game")"));
}

// Pins §10.38.
TEST_CASE("a member that is thrown out while it is away is not let in by its session") {
  struct kicking final : actors::room_behavior {
    void on_join(actors::room_context&, const actors::member& m) override {
      if (m.user_id == "ann")
        ann = m.key;
    }
    bool on_publish(actors::room_context& room, const actors::member&,
                    const actors::application_message&) override {
      room.kick(ann);
      return false;
    }
    actors::session_key ann;
  };
  stage stage;
  actors::room_options o;
  o.keep_seat = 60s;
  stage.node().rooms(
    "hall", [](std::string_view) { return std::make_unique<kicking>(); }, o);
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  join(bob, "hall");
  auto hall = join(ann, "hall");
  ann->drop();
  bob->publish("hall", "out with her");
  CHECK(types(bob) == names{"userJoined", "$away", "userLeft"});

  auto back = connect(stage, "ann");
  auto resumed = back->say(resume_of(ann.resume, {hall})).expect("resumed");

  CHECK(has(resumed, R"("lost":[{"roomId":"hall","code":"not_joined"}])"));
  back->join("hall").expect("joined"); // which its behaviour may refuse
}

// Pins §10.33.
TEST_CASE("of several sessions of a user the last one makes it away, and any one brings it back") {
  arena a;
  auto one = connect(a.play, "ann"), two = connect(a.play, "ann"), bob = connect(a.play, "bob");
  join(bob, "game");
  auto at = join(one, "game");
  join(two, "game");
  bob->take_all();
  one->drop();
  bob->expect_nothing();
  two->drop();
  bob->expect("$away");

  auto back = connect(a.play, "ann");
  back->say(resume_of(one.resume, {at})).expect("resumed");

  bob->expect("$back");
  back->close(1000);
  bob->expect("$away"); // the other seat is still kept
  a.play.advance(61s);
  bob->expect("userLeft");
}

// Pins §10.39.
TEST_CASE("in a large room who is away is told with the other changes") {
  actors::room_options o;
  o.gather_beyond = 1;
  arena a{1, o};
  auto ann = connect(a.play, "ann"), bob = connect(a.play, "bob"), cat = connect(a.play, "cat");
  join(bob, "game");
  join(cat, "game");
  auto game = join(ann, "game");
  a.play.advance(2s);
  bob->take_all();

  ann->drop();
  cat->drop();
  bob->expect_nothing();
  auto back = connect(a.play, "cat");
  back->say(resume_of(cat.resume, {})).expect("resumed");
  a.play.advance(2s);

  auto told = bob->expect("$presence");
  CHECK(has(told, R"("changed":[{"userId":"ann","away":true}])"));
  CHECK(told.number("total") == 3);
  bob->expect_nothing();
}

TEST_CASE("a room that ends tells its behaviour of those who are away, too") {
  arena a;
  auto ann = connect(a.play, "ann"), bob = connect(a.play, "bob");
  join(bob, "game");
  auto game = join(ann, "game");
  ann->drop();

  CHECK(a.play.node().room("game").end() == actors::publish_result::accepted);
  a.play.settle();

  CHECK(std::count(a.said.begin(), a.said.end(), "leave ann closed") == 1);
  auto back = connect(a.play, "ann");
  auto resumed = back->say(resume_of(ann.resume, {game})).expect("resumed");
  CHECK(has(resumed, R"("lost":[{"roomId":"game","code":"room_closed"}])"));
  bob->take_all();
  CHECK(a.play.node().stats().rooms == 0); // no other one was made for it
}

TEST_CASE("a room whose seats have all ended is gone") {
  actors::room_options o;
  o.history = false;
  arena a{2, o};
  auto ann = connect(a.play, "ann");
  join(ann, "game");
  ann->drop();
  a.play.advance(30s);
  CHECK(a.play.node().stats().rooms == 1);

  a.play.advance(31s);

  CHECK(a.play.node().stats().rooms == 0);
  CHECK(a.play.node().stats().members == 0);
}

TEST_CASE("a hook of a drop or a return that throws ends its room alone") {
  struct failing final : actors::room_behavior {
    explicit failing(bool at_return) : at_return_(at_return) {}
    void on_drop(actors::room_context&, const actors::member&) override {
      if (!at_return_)
        throw std::runtime_error{"drop"};
    }
    void on_return(actors::room_context&, const actors::member&, const actors::member&) override {
      throw std::runtime_error{"return"};
    }
    bool at_return_;
  };
  for (auto at_return : {false, true}) {
    stage stage;
    actors::room_options o;
    o.keep_seat = 60s;
    stage.node().rooms(
      "hall", [=](std::string_view) { return std::make_unique<failing>(at_return); }, o);
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
    join(bob, "hall");
    auto hall = join(ann, "hall"), yard = join(ann, "yard");
    ann->drop();
    auto back = connect(stage, "ann");

    auto resumed = back->say(resume_of(ann.resume, {hall, yard})).expect("resumed");

    CHECK(has(resumed, R"({"roomId":"yard")"));
    CHECK(bob->take_all().back().type() == "roomClosed");
  }
}

// Pins §10.35.
TEST_CASE("a seat that only its session can take ends with the time of that session") {
  actors::node_options n;
  n.sessions.resume_window = 10s;
  arena a{1, {}, n};
  auto bob = connect(a.play, "bob"), ann = connect(a.play, "ann");
  actors::connection_info known{protocol::encoding::v1_json, "cat"};
  known.claims = claims_of("cat");
  auto& cat = a.play.connect(known);
  cat.expect("welcome");
  join(bob, "game");
  join(ann, "game");
  cat.join("game").expect("joined");
  bob->take_all();
  ann->drop();
  cat.drop();
  CHECK(types(bob) == names{"$away", "$away"});

  a.play.advance(11s);

  CHECK(bob->expect("userLeft").text("userId") == "ann");
  bob->expect_nothing();
  a.play.advance(50s);
  CHECK(bob->expect("userLeft").text("userId") == "cat");
}

// Pins §10.40.
TEST_CASE("who comes back to its place keeps its profile there, unless it brings another") {
  arena a;
  auto bob = connect(a.play, "bob");
  join(bob, "game");
  actors::connection_info info{protocol::encoding::v1_json, "ann"};
  info.claims = claims_of("ann");
  auto& ann = a.play.connect(info);
  ann.expect("welcome");
  ann.say(R"({"type":"join","roomId":"game","profile":{"n":1}})").expect("joined");
  bob->take_all();
  ann.drop();
  bob->expect("$away");

  info.encoding = protocol::encoding::v1_msgpack;
  auto& back = a.play.connect(info);
  back.expect("welcome");
  back.join("game").expect("joined");
  bob->expect("$back");
  CHECK(has(bob->say(R"({"type":"presence"})").expect("presence"), R"("profile":{"n":1})"));
  back.drop();
  bob->expect("$away");
  auto& again = a.play.connect(info);
  again.expect("welcome");
  again.say(R"({"type":"join","roomId":"game","profile":{"n":2}})").expect("joined");

  CHECK(types(bob) == names{"$profile", "$back"});
}

TEST_CASE("authorize_join can tell who comes back from who comes anew") {
  struct locked final : actors::room_behavior {
    actors::join_decision authorize_join(actors::room_context& room,
                                         const actors::member& candidate) override {
      return candidate.returning || room.member_count() < 2
             ? actors::join_decision::accept()
             : actors::join_decision::refuse("The game has begun.");
    }
  };
  for (auto seat : {0s, 60s}) {
    stage stage;
    actors::room_options o;
    o.keep_seat = seat;
    stage.node().rooms(
      "hall", [](std::string_view) { return std::make_unique<locked>(); }, o);
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob"), cat = connect(stage, "cat");
    auto hall = join(ann, "hall");
    join(bob, "hall");
    CHECK(cat->join("hall").expect("error").text("code") == "forbidden");
    ann->drop();
    auto back = connect(stage, "ann");

    CHECK(has(back->say(resume_of(ann.resume, {hall})).expect("resumed"), R"("lost":[])"));
  }
}

TEST_CASE("seats without sessions are a mistake of set-up") {
  actors::node_options n;
  n.sessions.resume_window = 0s;
  stage stage{n};
  actors::room_options o;
  o.keep_seat = 60s;
  auto make = [](std::string_view) { return std::unique_ptr<actors::room_behavior>{}; };
  CHECK_THROWS_AS(stage.node().rooms("hall", make, o), std::invalid_argument);
}

// Pins §10.36.
TEST_CASE("a session that is pushed out by a bound leaves no seat behind") {
  actors::node_options n;
  n.sessions.max_kept = 1;
  arena a{2, {}, n};
  auto bob = connect(a.play, "bob"), ann = connect(a.play, "ann"), cat = connect(a.play, "cat");
  for (auto& g : {bob, ann, cat})
    join(g, "game");
  ann->drop();
  bob->take_all();

  cat->drop();

  CHECK(types(bob) == names{"$away", "userLeft"});
}

// Pins §4.117.
TEST_CASE("ids outlive the seat that another session of the user has taken") {
  arena a;
  actors::connection_info info{protocol::encoding::v1_json, "ann"};
  info.claims = claims_of("ann");
  auto& phone = a.play.connect(info);
  auto name = phone.expect("welcome").text("resume");
  auto bob = connect(a.play, "bob");
  join(bob, "game");
  phone.join("game").expect("joined");
  phone.say(R"({"type":"message","text":"once","id":1,"ref":1})");
  phone.drop();
  auto& laptop = a.play.connect(info);
  laptop.expect("welcome");
  laptop.join("game").expect("joined");

  auto& back = a.play.connect(info);
  back.expect("welcome");
  back.say(resume_of(name, {})).expect("resumed");
  back.take_all();
  back.join("game");
  back.take_all();
  back.say(R"({"type":"message","text":"once","id":1,"ref":1})");

  CHECK(texts(bob).size() <= 2);
}

// Pins §10.39.
TEST_CASE("who has come and is away within one second is told as one who has come, away") {
  actors::room_options o;
  o.gather_beyond = 1;
  arena a{1, o};
  auto bob = connect(a.play, "bob"), cat = connect(a.play, "cat"), ann = connect(a.play, "ann");
  join(bob, "game");
  join(cat, "game");
  a.play.advance(2s);
  bob->take_all();

  join(ann, "game");
  ann->drop();
  a.play.advance(2s);

  CHECK(has(bob->expect("$presence"), R"("joined":[{"userId":"ann","away":true}])"));
}
