// Joins and messages that a behaviour has answered later, in a whole node.
#include <utility>

#include "guest.hpp"

#include <troupe/actors/claims.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::join_promise;
using actors::reply_promise;

namespace {

/// What was put off, and what the hooks have noted.
struct desk {
  std::map<std::string, join_promise> joins; ///< by user, the latest
  std::vector<reply_promise> replies;
  names said;
  bool decides_later = true;
};

/// Puts off joins, and messages of type `buy`.
struct office final : actors::room_behavior {
  explicit office(desk& d) : desk_(d) {
    on("buy", [this](auto& room, auto&, auto&) { desk_.replies.push_back(room.reply_later()); });
    on("say", [this](auto& room, auto& from, auto&) {
      desk_.said.push_back(from.user_id + " says");
      room.broadcast("said", {});
    });
    on("end", [](auto& room, auto&, auto&) { room.end(); });
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
  }
  actors::join_decision authorize_join(actors::room_context&, const actors::member& m) override {
    desk_.said.push_back("asks " + m.user_id);
    if (!desk_.decides_later)
      return actors::join_decision::accept();
    return actors::join_decision::later(desk_.joins[m.user_id] = join_promise{});
  }
  void on_join(actors::room_context&, const actors::member& m) override {
    desk_.said.push_back("joins " + m.user_id);
    if (m.user_id == "bomb")
      throw std::runtime_error{"boom"};
  }
  void on_return(actors::room_context&, const actors::member& m, const actors::member&) override {
    desk_.said.push_back("returns " + m.user_id);
  }
  void on_leave(actors::room_context&, const actors::member& m, actors::leave_reason) override {
    desk_.said.push_back("leaves " + m.user_id);
  }
  desk& desk_;
};

/// A node of such rooms; those called `game*` keep seats for a minute.
struct town {
  explicit town(actors::node_options o = many_messages()) : play{std::move(o)} {
    auto make = [this](std::string_view) { return std::make_unique<office>(d); };
    actors::room_options seats;
    seats.keep_seat = 60s;
    play.node().rooms("game*", make, seats);
    play.node().rooms("*", make);
  }

  /// Joins, and is let in at once.
  void enter(const guest& g, std::string_view room) {
    d.decides_later = false;
    g->join(room).expect("joined");
    d.decides_later = true;
    d.said.clear();
  }
  void accept(const std::string& user) {
    d.joins.at(user).accept();
    play.settle();
  }

  desk d; // outlives the stage, whose end runs hooks
  stage play;
};

std::string code_of(const testing::heard_message& m) { return m.text("code"); }

constexpr auto join_hall = R"({"type":"join","roomId":"hall","ref":1})";
constexpr auto buy = R"({"type":"buy","roomId":"hall","ref":2})";
constexpr auto say_in_hall = R"({"type":"say","roomId":"hall"})";

} // namespace

// Pins §4.220.
TEST_CASE("what a client says behind a join that is decided later waits, in order; others go on") {
  for (unsigned loops : {1u, 2u}) {
    town t{many_messages(loops)};
    auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob", loops - 1);
    t.enter(bob, "hall");

    ann->say(join_hall).say(say_in_hall).say(R"({"type":"ping"})");
    ann->expect("pong");
    bob->say(say_in_hall).expect("said");
    CHECK(t.d.said == names{"asks ann", "bob says"});
    CHECK(ann->session().held_messages() == 2);

    t.accept("ann");
    CHECK(t.d.said == names{"asks ann", "bob says", "joins ann", "ann says"});
    CHECK(ann->expect("joined").text("ref") == "1");
    ann->expect("said");
    CHECK(ann->session().held_messages() == 0);
    bob->expect("userJoined");
  }
}

// Pins §4.220.
TEST_CASE("a decision may come from any thread, and wakes the loop of the room") {
  town t{many_messages(2)};
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob", 1);
  ann->say(join_hall);
  bob->say(join_hall);
  std::thread{[&] { t.d.joins.at("ann").accept(); }}.join();
  std::thread{[&] { t.d.joins.at("bob").refuse("banned"); }}.join();

  ann->expect("joined");
  auto refused = bob->expect("error");
  CHECK(code_of(refused) == "forbidden");
  CHECK(refused.text("message") == "banned");
  CHECK(refused.text("ref") == "1");
}

// Pins §4.221.
TEST_CASE("a join that nobody decides ends after five seconds, and what waited behind it runs") {
  town t;
  auto ann = connect(t.play, "ann");
  ann->say(join_hall).say(say_in_hall);

  t.play.advance(4900ms);
  ann->expect_nothing();
  t.play.advance(200ms);
  auto refused = ann->expect("error");
  CHECK(code_of(refused) == "timed_out");
  CHECK(refused.text("ref") == "1");
  CHECK(code_of(ann->expect("error")) == "forbidden"); // it is in no such room
  t.accept("ann");
  ann->expect_nothing();
  CHECK(t.play.node().stats().rooms == 0); // it was empty
}

// Pins §4.222.
TEST_CASE("a join whose promise is dropped is refused at once") {
  town t;
  auto ann = connect(t.play, "ann");
  ann->say(join_hall);
  t.d.joins.clear();
  CHECK(code_of(ann->expect("error")) == "internal");
  t.enter(ann, "hall");
}

// Pins §4.223.
TEST_CASE("too many joins that wait are refused") {
  auto o = many_messages();
  o.rooms.max_late_answers = 2;
  town t{o};
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob"), cid = connect(t.play, "cid");
  ann->say(join_hall);
  bob->say(join_hall);
  CHECK(code_of(cid->say(join_hall).expect("error")) == "overloaded");
  t.accept("ann");
  cid->say(join_hall);
  t.accept("cid");
  cid->expect("joined");
}

TEST_CASE("a client that leaves behind its pending join joins, then leaves") {
  town t;
  auto ann = connect(t.play, "ann");
  ann->say(join_hall).say(R"({"type":"leave","roomId":"hall","ref":3})");
  t.accept("ann");
  ann->expect("joined");
  CHECK(ann->expect("left").text("ref") == "3");
  CHECK(t.d.said == names{"asks ann", "joins ann", "leaves ann"});
}

// Pins §4.220.
TEST_CASE("what a client has said before it went takes effect, if the decision lets it in") {
  for (auto lets_in : {true, false}) {
    town t;
    auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
    t.enter(bob, "hall");
    ann->say(join_hall).say(say_in_hall);
    ann->close();
    CHECK(t.d.said == names{"asks ann"});

    lets_in ? t.d.joins.at("ann").accept() : t.d.joins.at("ann").refuse("no");
    t.play.settle();
    CHECK(
      t.d.said
      == (lets_in ? names{"asks ann", "joins ann", "ann says", "leaves ann"} : names{"asks ann"}));
    CHECK(t.play.node().stats().connections == 1);
  }
}

TEST_CASE("a client that the server ends takes its pending join back") {
  town t;
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
  t.enter(bob, "hall");
  ann->say(join_hall);
  t.play.node().user("ann").disconnect();
  CHECK(ann->expect_end() == 1008);
  CHECK_FALSE(t.d.joins.at("ann").is_awaited());
  t.accept("ann");
  CHECK(t.d.said == names{"asks ann"});
  CHECK(t.play.node().stats().connections == 1);
}

TEST_CASE("a session that is taken over takes its pending join back, and its other rooms along") {
  town t{many_messages(2)};
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
  t.enter(bob, "hall");
  t.enter(ann, "other");
  ann->say(join_hall);

  auto back = connect(t.play, "ann", 1);
  back->say(resume_of(ann.resume, {{"other", "e", 0}}));
  CHECK(ann->expect_end() == 1008);
  t.accept("ann"); // the latest: its return to `other`
  auto resumed = back->expect("resumed");
  CHECK(has(resumed, R"("rooms":[{"roomId":"other")"));
  CHECK(t.d.said == names{"asks ann", "asks ann", "returns ann"});
  bob->expect_nothing();
}

// Pins §4.220.
TEST_CASE("a return is decided later, too: resumed waits for it, and the seat is taken then") {
  town t;
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
  t.enter(bob, "game");
  t.enter(ann, "game");
  bob->take_all();
  ann->drop();
  bob->expect("$away");
  t.d.said.clear();

  auto back = connect(t.play, "ann");
  back->say(resume_of(ann.resume, {{"game", "e", 0}}));
  back->expect_nothing();
  bob->expect_nothing();
  t.accept("ann");
  back->expect("resumed");
  bob->expect("$back");
  CHECK(t.d.said == names{"asks ann", "returns ann"});
}

TEST_CASE("a seat that ends while its return is decided is lost") {
  auto o = many_messages();
  o.sessions.resume_window = 3s;
  town t{o};
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
  t.enter(bob, "game");
  t.enter(ann, "game");
  ann->drop();
  t.play.advance(2s);
  auto back = connect(t.play, "ann");
  back->say(resume_of(ann.resume, {{"game", "e", 0}}));
  t.play.advance(2s);
  t.accept("ann");
  auto resumed = back->expect("resumed");
  CHECK(has(resumed, R"("lost":[{"roomId":"game","code":"not_joined"}])"));
}

TEST_CASE("the successor of a room that ends decides about the joins that wait, in order") {
  for (auto how : {"end", "boom"}) {
    town t;
    auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob"), cid = connect(t.play, "cid");
    t.enter(bob, "hall");
    ann->say(join_hall);
    cid->say(join_hall);
    auto first = t.d.joins.at("ann");
    bob->say(R"({"type":")" + std::string{how} + R"(","roomId":"hall"})");

    CHECK(bob->expect("roomClosed").text("reason")
          == (how == std::string_view{"end"} ? "ended" : "crashed"));
    CHECK(t.d.said == names{"asks ann", "asks cid", "leaves bob", "asks ann", "asks cid"});
    CHECK_FALSE(first.is_awaited());
    first.accept();
    ann->expect_nothing();
    t.accept("ann");
    ann->expect("joined");
    t.accept("cid");
    cid->expect("joined");
  }
}

TEST_CASE("a join over which a room crashes as it lets the client in is told so") {
  town t;
  auto bomb = connect(t.play, "bomb"), ann = connect(t.play, "ann");
  bomb->say(join_hall);
  ann->say(join_hall);
  t.accept("bomb");
  // It was let in, and its dispatcher tells it what became of the room.
  bomb->expect("joined");
  bomb->expect("roomClosed");
  bomb->expect_nothing();
  CHECK(t.d.said == names{"asks bomb", "asks ann", "joins bomb", "leaves bomb", "asks ann"});
  t.accept("ann");
  ann->expect("joined");
}

TEST_CASE("a lobby may decide later, and the default room's commands wait for it") {
  auto o = many_messages();
  o.lobby = "hall";
  town t{o};
  auto ann = connect(t.play, "ann");
  ann->say(R"({"type":"say"})");
  ann->expect_nothing();
  t.accept("ann");
  ann->expect("joined");
  ann->expect("said");
}

TEST_CASE("a node that drains waits for the decisions about what was said before") {
  town t;
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
  ann->say(join_hall);
  bob->say(join_hall);
  auto& node = t.play.node();
  node.stop_reading();
  t.play.advance(100ms);
  CHECK_FALSE(node.has_handled_all());
  t.accept("ann");
  ann->expect("joined");
  t.play.advance(100ms);
  CHECK_FALSE(node.has_handled_all());
  t.d.joins.at("bob").refuse("no");
  t.play.advance(100ms);
  CHECK(node.has_handled_all());
}

TEST_CASE("the end of the rooms refuses the joins that wait, and their decisions are void") {
  town t;
  auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
  t.enter(bob, "hall");
  ann->say(join_hall);
  t.play.node().end_rooms();
  CHECK(code_of(ann->expect("error")) == "overloaded");
  CHECK_FALSE(t.d.joins.at("ann").is_awaited());
  t.accept("ann");
  ann->expect_nothing();
  CHECK(t.d.said == names{"asks ann", "leaves bob"});
}

TEST_CASE("promises may be answered after the end of their node") {
  std::optional<join_promise> join;
  std::optional<reply_promise> reply;
  {
    town t{many_messages(2)};
    auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
    t.enter(bob, "hall");
    ann->say(join_hall);
    bob->say(buy);
    join = t.d.joins.at("ann");
    reply = t.d.replies.at(0);
  }
  CHECK_FALSE(join->is_awaited());
  join->accept();
  reply->ack();
  join.reset();
  reply.reset();
}

// Pins §4.224, §4.225.
TEST_CASE("a message is answered later, and what its client says next is answered before") {
  for (auto codec : {protocol::encoding::v1_json, protocol::encoding::v1_msgpack,
                     protocol::encoding::plain_json}) {
    town t{many_messages(2)};
    auto& ann = t.play.connect("ann", codec);
    auto bob = connect(t.play, "bob", 1);
    t.d.decides_later = false;
    ann.join("hall").expect("joined");
    t.enter(bob, "hall");
    ann.take_all();

    ann.say(buy).say(R"({"type":"say","roomId":"hall","ref":4})");
    ann.expect("said");
    CHECK(ann.expect("ack").text("ref") == "4");
    CHECK(ann.session().held_messages() == 1);
    std::thread{[&] { t.d.replies.at(0).send("price", {{"gold", 3}}); }}.join();
    CHECK(ann.expect("price").number("gold") == 3);
    CHECK(ann.expect("ack").text("ref") == "2");
    CHECK(ann.session().held_messages() == 0);
    CHECK(types(bob) == names{"said"});
  }
}

// Pins §4.226.
TEST_CASE(
  "a message that nobody answers, or can answer, or of which there are too many is refused") {
  auto o = many_messages();
  o.rooms.max_late_answers = 2;
  town t{o};
  auto ann = connect(t.play, "ann");
  t.enter(ann, "hall");
  ann->say(buy).say(buy);
  CHECK(code_of(ann->say(buy).expect("error")) == "overloaded");
  t.d.replies.clear();
  for (int i = 0; i < 2; ++i) {
    auto e = ann->expect("error");
    CHECK(code_of(e) == "internal");
    CHECK(e.text("ref") == "2");
    CHECK(e.text("request") == "buy");
  }
  ann->say(buy);
  t.play.advance(5100ms);
  CHECK(code_of(ann->expect("error")) == "timed_out");
  CHECK(ann->session().held_messages() == 0);
}

// Pins §4.227.
TEST_CASE("a message that waits is answered by not_joined once its sender leaves, before left") {
  town t;
  auto ann = connect(t.play, "ann");
  t.enter(ann, "hall");
  ann->say(buy).say(R"({"type":"leave","roomId":"hall"})");
  auto refused = ann->expect("error");
  CHECK(code_of(refused) == "not_joined");
  CHECK(refused.text("ref") == "2");
  ann->expect("left");
  t.d.replies.at(0).ack();
  ann->expect_nothing();
}

TEST_CASE("a message that waits while its room ends is answered by room_closed") {
  for (auto how : {"end", "boom"}) {
    town t;
    auto ann = connect(t.play, "ann");
    t.enter(ann, "hall");
    ann->say(buy).say(R"({"type":")" + std::string{how} + R"(","roomId":"hall"})");
    auto heard = ann->take_all();
    std::size_t answers = 0;
    for (auto& m : heard)
      if (m.type() == "error" && m.text("ref") == "2") {
        CHECK(code_of(m) == "room_closed");
        ++answers;
      }
    CHECK(answers == 1);
    t.d.replies.at(0).ack();
    ann->expect_nothing();
  }
}

TEST_CASE(
  "a message that waits is void once its connection is lost, also if the client comes back") {
  for (auto room : {"hall", "game"}) {
    town t;
    auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob");
    t.enter(bob, room);
    t.enter(ann, room);
    ann->say(R"({"type":"buy","roomId":")" + std::string{room} + R"(","ref":2})");
    ann->drop();
    CHECK_FALSE(t.d.replies.at(0).is_awaited());
    t.d.decides_later = false;
    auto back = connect(t.play, "ann");
    back->say(resume_of(ann.resume, {{room, "e", 0}})).expect("resumed");
    t.d.replies.at(0).send("price", {{"gold", 3}});
    back->expect_nothing();
  }
}

TEST_CASE("a plain client that changes rooms hears all answers of the old one first") {
  for (auto how : {"answer", "time", "end"}) {
    town t;
    t.d.decides_later = false;
    auto& ann = t.play.connect("ann", protocol::encoding::plain_json);
    ann.join("hall").expect("joined");
    ann.say(buy).join("other");
    ann.expect_nothing();

    if (how == std::string_view{"answer"}) {
      t.d.replies.at(0).ack();
      CHECK(ann.expect("ack").text("ref") == "2");
    } else if (how == std::string_view{"time"}) {
      t.play.advance(5100ms);
      CHECK(code_of(ann.expect("error")) == "timed_out");
    } else {
      t.play.node().room("hall").end();
      CHECK(code_of(ann.expect("error")) == "room_closed"); // what others know as roomClosed
      CHECK(ann.expect("error").text("ref") == "2");
    }
    CHECK(ann.expect("joined").text("roomId") == "other");
    ann.expect_nothing();
  }
}

// Pins §4.220.
TEST_CASE("whose session has ended does not enter the successor of the room that it waited for") {
  auto ends = [](actors::room_context& room) { room.end(); };
  auto fails = [](actors::room_context&) { throw std::runtime_error{"boom"}; };
  for (unsigned loops : {1u, 2u})
    for (const std::function<void(actors::room_context&)>& last :
         {std::function<void(actors::room_context&)>{ends}, {fails}}) {
      town t{many_messages(loops)};
      auto ann = connect(t.play, "ann"), bob = connect(t.play, "bob", loops - 1);
      t.enter(bob, "hall");
      ann->say(join_hall);

      t.play.together([&] {
        (void)t.play.node().user("ann").disconnect();
        (void)t.play.node().room("hall").post(last);
      });
      for (auto& [user, promise] : t.d.joins)
        promise.accept();
      t.play.settle();
      t.play.advance(600s);

      CHECK(t.play.node().stats().rooms == 0);
      CHECK(t.play.node().stats().members == 0);
    }
}

TEST_CASE("in a room that ticks, a member has 32 messages at most that wait for answers") {
  desk d;
  stage play{[] {
    auto o = many_messages();
    o.connections.messages_per_second = 0;
    return o;
  }()};
  actors::room_options ticks;
  ticks.tick.rate = 20;
  play.node().rooms(
    "*", [&](std::string_view) { return std::make_unique<office>(d); }, ticks);
  d.decides_later = false;
  auto ann = connect(play, "ann");
  ann->join("hall").expect("joined");

  for (int i = 0; i < 10; ++i) {
    for (int n = 0; n < 10; ++n)
      ann->say(R"({"type":"buy","roomId":"hall"})");
    play.advance(100ms);
  }

  CHECK(std::count_if(d.replies.begin(), d.replies.end(), [](auto& r) { return r.is_awaited(); })
        == 32);
}
