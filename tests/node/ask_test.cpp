#include <utility>

#include "guest.hpp"

#include <troupe/actors/claims.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::publish_result;
using actors::request_result;

namespace {

std::string text_of(const request_result& r) {
  return std::string{to_string(r.code)} + std::string{r.data.bytes()};
}

/// Asks all its members "ready?" at a message `ask`, and notes what comes of it, beside the texts
/// that they say and who leaves.
struct quiz final : actors::room_behavior {
  explicit quiz(names& n) : said(n) {
    on("ask", [this](auto& room, auto&, auto&) { ask_all(room); });
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
    on("end", [](auto& room, auto&, auto&) { room.end(); });
  }
  void ask_all(actors::room_context& room) {
    room.for_each_member([&](const actors::member& m) {
      room.ask(m.key, {{"q", "ready?"}}, 5s,
               [this, user = m.user_id](actors::room_context& of, const request_result& r) {
                 auto* now = of.find(r.who);
                 said.push_back(user + " " + text_of(r) + (now ? "" : " gone"));
               });
    });
  }
  bool on_publish(actors::room_context&, const actors::member& m,
                  const actors::application_message& what) override {
    said.push_back(m.user_id + " says " + what.fields.string("text").value_or(""));
    return true;
  }
  void on_drop(actors::room_context& room, const actors::member& m) override {
    if (std::exchange(asks_on_drop, false))
      ask_all(room);
    said.push_back(m.user_id + " drops");
  }
  void on_leave(actors::room_context&, const actors::member& m, actors::leave_reason) override {
    said.push_back(m.user_id + " leaves");
  }
  void on_close(actors::room_context&) override { said.emplace_back("closed"); }

  names& said;
  static inline bool asks_on_drop = false;
};

/// A node whose rooms are quizzes; those called `game*` keep seats for a minute.
struct school {
  explicit school(actors::node_options o = many_messages()) : play{std::move(o)} {
    auto make = [this](std::string_view) { return std::make_unique<quiz>(said); };
    actors::room_options seats;
    seats.keep_seat = 60s;
    play.node().rooms("game*", make, seats);
    play.node().rooms("*", make);
  }

  names said;
  stage play;
};

constexpr auto ask = R"({"type":"ask"})";

std::string reply_to(const testing::heard_message& request, std::string_view data = "true") {
  return R"({"type":"$reply","ref":"a","requestId":")" + request.text("requestId") + R"(","data":)"
       + std::string{data} + '}';
}

actors::claims_ptr claims_of(std::string user) {
  auto c = std::make_shared<actors::claims>();
  c->subject = std::move(user);
  return c;
}

} // namespace

// Pins §4.160, §4.162, §5.41, §5.42.
TEST_CASE("a room asks its members, in their codecs, and hears what they answer") {
  for (auto codec : {protocol::encoding::v1_json, protocol::encoding::v1_msgpack}) {
    school s{many_messages(2)};
    auto ann = connect(s.play, "ann", 0, codec), bob = connect(s.play, "bob", 1);
    join(ann, "hall");
    join(bob, "hall");
    ann->expect("userJoined");
    s.said.clear();

    bob->say(ask);
    auto to_ann = ann->expect("$request"), to_bob = bob->expect("$request");
    CHECK(to_ann.json()
          == R"({"type":"$request","roomId":"hall","requestId":")" + to_ann.text("requestId")
               + R"(","data":{"q":"ready?"}})");
    CHECK(to_ann.text("requestId") != to_bob.text("requestId"));

    CHECK(ann->say(reply_to(to_ann, R"({"yes":1})")).expect("ack").text("ref") == "a");
    auto late = ann->say(reply_to(to_ann)).expect("error");
    CHECK(late.text("code") == "timed_out");
    CHECK(late.text("request") == "$reply");
    REQUIRE(s.said.size() == 1);
    if (codec == protocol::encoding::v1_json)
      CHECK(s.said[0] == R"(ann ok{"yes":1})");
    else
      CHECK(s.said[0] == "ann ok\x81\xa3yes\x01");
  }
}

// Pins §4.163.
TEST_CASE("nobody answers for another, and what nobody answers ends with its time") {
  school s;
  auto ann = connect(s.play, "ann"), bob = connect(s.play, "bob");
  join(ann, "hall");
  join(bob, "hall");
  ann->expect("userJoined");
  s.said.clear();
  bob->say(ask);
  auto to_ann = ann->expect("$request"), to_bob = bob->expect("$request");

  CHECK(bob->say(reply_to(to_ann)).expect("error").text("code") == "timed_out");
  CHECK(s.said.empty());
  s.play.advance(4900ms);
  ann->say(reply_to(to_ann)).expect("ack");
  s.play.advance(200ms);
  CHECK(s.said == names{"ann oktrue", "bob timed_out"});
  CHECK(bob->say(reply_to(to_bob)).expect("error").text("code") == "timed_out");
  s.play.advance(60s);
  CHECK(s.said.size() == 2);
}

// Pins §4.164, §4.161.
TEST_CASE("a faulty answer is refused, and leaves the request open") {
  school s;
  auto ann = connect(s.play, "ann");
  join(ann, "hall");
  auto request = ann->say(ask).expect("$request");
  auto id = request.text("requestId");

  auto refusal = [&](std::string_view rest) {
    return ann->say(R"({"type":"$reply","requestId":")" + id + '"' + std::string{rest} + '}')
      .expect("error")
      .text("code");
  };
  CHECK(refusal("") == "bad_request");
  CHECK(refusal(R"(,"data":1,"data":2)") == "bad_request");
  CHECK(refusal(R"(,"data":{"__proto__":1})") == "bad_payload");
  CHECK(refusal(R"(,"data":1e999)") == "bad_payload");
  CHECK(refusal(R"(,"data":)") == "malformed");
  CHECK(refusal(R"(,"data":1,"roomId":"elsewhere")") == "forbidden");
  CHECK(s.said.empty());

  ann->say(reply_to(request)).expect("ack");
  CHECK(s.said == names{"ann oktrue"});
}

// Pins §4.165.
TEST_CASE("an answer takes effect in the order of the client's commands, also behind a join") {
  school s;
  auto ann = connect(s.play, "ann"), out = connect(s.play, "out");
  join(ann, "hall");
  auto request = ann->say(ask).expect("$request");

  s.play.together([&] {
    ann->publish("hall", "before");
    ann->join("other");
    ann->say(R"({"type":"$reply","roomId":"hall","requestId":")" + request.text("requestId")
             + R"(","data":1})");
    ann->publish("hall", "behind");
  });
  CHECK(s.said == names{"ann says before", "ann ok1", "ann says behind"});
  CHECK(out->say(reply_to(request)).expect("error").text("code") == "not_joined");
}

// Pins §4.166, §5.42.
TEST_CASE("a client that comes back to its seat is asked again behind resumed, and answers once") {
  for (unsigned loops : {1u, 2u}) {
    school s{many_messages(loops)};
    auto ann = connect(s.play, "ann"), bob = connect(s.play, "bob", loops - 1);
    join(bob, "game");
    auto game = join(ann, "game");
    ann->say(ask);
    auto first = ann->expect("$request");
    bob->say(reply_to(bob->take_all().back()));
    ann->drop();
    bob->publish("game", "missed");
    s.said.clear();

    auto back = connect(s.play, "ann", loops - 1);
    back->say(resume_of(ann.resume, {game}));

    back->expect("resumed");
    CHECK(back->expect("message").text("text") == "missed");
    auto again = back->expect("$request");
    CHECK(again.json() == first.json());
    back->expect_nothing();
    back->say(reply_to(again)).expect("ack");
    CHECK(back->say(reply_to(again)).expect("error").text("code") == "timed_out");
    CHECK(s.said == names{"ann leaves", "ann oktrue"}); // the former member leaves, by on_return
  }
}

// Pins §4.166.
TEST_CASE("a connection that takes its session over is asked again, in its own codec") {
  school s{many_messages(2)};
  auto ann = connect(s.play, "ann");
  auto hall = join(ann, "hall");
  auto first = ann->say(ask).expect("$request");

  auto back = connect(s.play, "ann", 1, protocol::encoding::v1_msgpack);
  back->say(resume_of(ann.resume, {hall})).expect("resumed");

  auto again = back->expect("$request");
  CHECK(again.json() == first.json());
  back->expect_nothing();
  back->say(reply_to(again, "[1]")).expect("ack");
  CHECK(s.said == names{"ann leaves", "ann ok\x91\x01"});
}

// Pins §4.166.
TEST_CASE("what was answered before the loss is not asked again") {
  school s;
  auto ann = connect(s.play, "ann");
  auto game = join(ann, "game");
  ann->say(ask);
  ann->say(reply_to(ann->expect("$request"))).drop();
  CHECK(s.said == names{"ann oktrue", "ann drops"});

  auto back = connect(s.play, "ann");
  back->say(resume_of(ann.resume, {game})).expect("resumed");
  back->expect_nothing();
}

// Pins §4.166.
TEST_CASE("a member that is away is asked when it is back, if its time is not over by then") {
  for (auto away : {2s, 6s}) {
    school s;
    auto ann = connect(s.play, "ann"), bob = connect(s.play, "bob");
    auto game = join(ann, "game");
    join(bob, "game");
    ann->drop();
    bob->take_all();
    bob->say(ask);
    s.play.advance(away);
    s.said.clear();

    auto back = connect(s.play, "ann");
    back->say(resume_of(ann.resume, {game})).expect("resumed");

    if (away == 6s) {
      back->expect_nothing();
      continue;
    }
    back->say(reply_to(back->expect("$request"))).expect("ack");
    CHECK(s.said == names{"ann leaves", "ann oktrue"});
  }
}

TEST_CASE("in the hook of its loss a member can be asked for when it is back") {
  school s;
  auto ann = connect(s.play, "ann");
  auto game = join(ann, "game");
  quiz::asks_on_drop = true;
  ann->drop();

  auto back = connect(s.play, "ann");
  back->say(resume_of(ann.resume, {game})).expect("resumed");
  back->say(reply_to(back->expect("$request"))).expect("ack");
  CHECK(s.said == names{"ann drops", "ann leaves", "ann oktrue"});
}

TEST_CASE("without a seat, a request ends with the loss of the connection") {
  school s;
  auto ann = connect(s.play, "ann"), bob = connect(s.play, "bob");
  auto hall = join(ann, "hall");
  join(bob, "hall");
  bob->say(ask);
  ann->drop();
  s.play.advance(10ms);
  CHECK(s.said == names{"ann leaves", "ann not_joined gone"});

  auto back = connect(s.play, "ann");
  back->say(resume_of(ann.resume, {hall})).expect("resumed");
  CHECK(types(back).empty());
}

TEST_CASE("a seat that ends unused ends its requests, behind on_leave") {
  school s;
  auto ann = connect(s.play, "ann"), bob = connect(s.play, "bob");
  join(ann, "game");
  join(bob, "game");
  ann->drop();
  s.play.advance(28s);
  bob->say(ask);
  s.said.clear();

  s.play.advance(3s);
  CHECK(s.said == names{"ann leaves", "ann not_joined gone"});
}

// Pins §4.167.
TEST_CASE("who takes its seat by a join is asked again behind joined") {
  for (auto code : {protocol::encoding::v1_json, protocol::encoding::plain_json}) {
    school s;
    actors::connection_info info{protocol::encoding::v1_json, "ann"};
    info.claims = claims_of("ann");
    auto& ann = s.play.connect(info);
    ann.expect("welcome");
    ann.join("game").expect("joined");
    auto first = ann.say(ask).expect("$request");
    ann.drop();
    s.said.clear();

    info.encoding = code;
    auto& back = s.play.connect(info);
    back.take_all();
    back.join("game").expect("joined");
    s.play.advance(10ms);

    if (is_plain(code)) {
      back.expect_nothing();
      CHECK(s.said == names{"ann leaves", "ann unsupported"});
    } else {
      CHECK(back.expect("$request").json() == first.json());
      CHECK(s.said == names{"ann leaves"});
    }
  }
}

// Pins §6.21.
TEST_CASE("a plain client is not asked, and what it answers is in vain") {
  school s;
  auto& ann = s.play.connect("ann", protocol::encoding::plain_json);
  ann.join("hall").expect("joined");
  ann.say(ask);
  s.play.advance(10ms);
  CHECK(s.said == names{"ann unsupported"});
  auto error = ann.say(R"({"type":"$reply","requestId":"1","data":1})").expect("error");
  CHECK(error.text("code") == "timed_out");
}

TEST_CASE("the handlers of a room that ends are told, however it ends") {
  for (auto how : {"boom", "end", "stop"}) {
    names said;
    {
      school s;
      auto ann = connect(s.play, "ann");
      join(ann, "hall");
      ann->say(ask).expect("$request");
      if (how != std::string_view{"stop"}) {
        ann->say(R"({"type":")" + std::string{how} + "\"}").expect("roomClosed");
        CHECK(s.said.at(1) == "ann room_closed gone");
      }
      quiz::asks_on_drop = false;
      s.play.node().request_stop();
      s.play.settle();
      said = s.said;
    }
    CHECK(said.at(0) == "ann leaves");
    CHECK(said.at(1) == "ann room_closed gone");
    CHECK(said.size() == (how == std::string_view{"boom"} ? 2 : 3));
  }
}

// -- from outside ---------------------------------------------------------------------------------

namespace {

/// Hears results, also at the end of a node that outlives it.
struct listener {
  actors::outside_request_handler handler() {
    return [to = all](const request_result& r) { to->push_back(text_of(r)); };
  }
  std::shared_ptr<names> all = std::make_shared<names>();
  names& results = *all;
};

} // namespace

TEST_CASE("a user is asked through a handle, and answers to its handler") {
  school s{many_messages(2)};
  auto ann = connect(s.play, "ann"), bob = connect(s.play, "bob", 1);
  for (std::string name : {"one", "two", "three"}) {
    join(ann, name);
    join(bob, name);
    ann->take_all();
    listener l;

    CHECK(s.play.node().room(name).ask("bob", {{"q", 1}}, 5s, l.handler())
          == publish_result::accepted);
    auto request = bob->expect("$request");
    CHECK(has(request, R"("data":{"q":1})"));
    ann->expect_nothing();
    bob->say(R"({"type":"$reply","roomId":")" + name + R"(","requestId":")"
             + request.text("requestId") + R"(","data":{"a":[2]}})");

    CHECK(l.results == names{R"(ok{"a":[2]})"});
  }
}

TEST_CASE("of a user's sessions the one that joined last and can be asked is asked") {
  school s;
  auto phone = connect(s.play, "ann"), laptop = connect(s.play, "ann"),
       desk = connect(s.play, "ann");
  auto& plain = s.play.connect("ann", protocol::encoding::plain_json);
  listener l;
  auto room = s.play.node().room("game");
  auto asked = [&](const guest& g) {
    l.results.clear();
    room.ask("ann", {}, 1s, l.handler());
    s.play.settle();
    auto waiting = g->take_all();
    return !waiting.empty() && waiting.back().type() == "$request";
  };
  laptop->say(R"({"type":"join","roomId":"game","profile":{"n":1}})").expect("joined");
  join(phone, "game");
  plain.join("game").expect("joined");
  CHECK(asked(phone));
  join(desk, "game");
  phone->take_all();
  CHECK(asked(desk));
  join(phone, "game"); // again: it was here before
  CHECK(asked(desk));
  desk->drop();
  CHECK(asked(phone));
  phone->drop();
  CHECK(asked(laptop));
  laptop->drop();
  room.ask("ann", {}, 1s, l.handler());
  s.play.advance(2s);
  REQUIRE_FALSE(l.results.empty());
  CHECK(l.results.back() == "timed_out"); // away: asked for when it is back

  auto back = connect(s.play, "ann");
  room.ask("ann", {}, 5s, l.handler());
  s.play.settle();
  back->say(resume_of(desk.resume, {})).expect("resumed");
  CHECK(types(back) == names{"$request"});
}

TEST_CASE("a question to who is not there is answered without a client") {
  school s;
  auto ann = connect(s.play, "ann");
  auto& plain = s.play.connect("cat", protocol::encoding::plain_json);
  listener l;

  CHECK(s.play.node().room("hall").ask("ann", {}, 1s, l.handler()) == publish_result::accepted);
  s.play.settle();
  CHECK(l.results == names{"not_joined"});
  CHECK(s.play.node().stats().rooms == 0);

  join(ann, "hall");
  plain.join("hall").expect("joined");
  auto hall = s.play.node().room("hall");
  hall.ask("bob", {}, 1s, l.handler());
  hall.ask("cat", {}, 1s, l.handler());
  s.play.advance(10ms);
  CHECK(l.results == names{"not_joined", "not_joined", "unsupported"});

  CHECK(actors::room_handle{}.ask("ann", {}, 1s, l.handler()) == publish_result::gone);
  CHECK(s.play.node().room("\n").ask("ann", {}, 1s, l.handler()) == publish_result::gone);
  CHECK_THROWS_AS(hall.ask("ann", {}, 0s, l.handler()), std::invalid_argument);
  CHECK_THROWS_AS(hall.ask("ann", {}, 1s, {}), std::invalid_argument);
  s.play.node().request_stop();
  s.play.settle();
  CHECK(hall.ask("ann", {}, 1s, l.handler()) == publish_result::gone);
  CHECK(l.results.size() == 3);
}

TEST_CASE("a question whose room crashes before it is read is answered, too") {
  school s;
  auto ann = connect(s.play, "ann");
  join(ann, "hall");
  listener l;
  auto hall = s.play.node().room("hall");
  for (bool is_first : {true, false}) {
    s.play.together([&] {
      if (is_first)
        hall.ask("ann", {}, 1s, l.handler());
      ann->say(R"({"type":"boom"})");
      if (!is_first)
        hall.ask("ann", {}, 1s, l.handler());
    });
    s.play.advance(10ms);
    ann->take_all();
    join(ann, "hall");
  }
  REQUIRE(l.results.size() == 2);
  for (auto& r : l.results)
    CHECK((r == "room_closed" || r == "not_joined"));
}

TEST_CASE("questions from outside are bounded like what is published") {
  auto o = many_messages();
  o.rooms.max_pending_bytes = 10'000;
  school s{o};
  auto ann = connect(s.play, "ann");
  join(ann, "hall");
  listener l;
  auto hall = s.play.node().room("hall");
  std::size_t accepted = 0;
  while (accepted < 100
         && hall.ask("ann", {{"p", std::string(1'000, 'x')}}, 1s, l.handler())
              == publish_result::accepted)
    ++accepted;
  CHECK(accepted >= 5);
  CHECK(accepted <= 10);
  s.play.settle();
  CHECK(types(ann).size() == accepted);
  CHECK(hall.ask("ann", {}, 1s, l.handler()) == publish_result::accepted);
}

TEST_CASE("a handler from outside that throws ends nothing, and is logged") {
  struct noting final : protocol::logger {
    void write(protocol::log_level, std::string_view, std::string_view text) noexcept override {
      lines.emplace_back(text);
    }
    names lines;
  } log;
  auto o = many_messages();
  o.log = &log;
  school s{o};
  auto ann = connect(s.play, "ann");
  join(ann, "hall");
  s.play.node().room("hall").ask("ann", {}, 1s,
                                 [](const request_result&) { throw std::runtime_error{"boom"}; });

  ann->say(reply_to(ann->expect("$request"))).expect("ack");
  ann->publish("hall", "still here").expect("message");
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].find("boom") != std::string::npos);
}

TEST_CASE("handlers may ask from any thread, and each is told once") {
  school s;
  auto ann = connect(s.play, "ann");
  join(ann, "hall");
  constexpr int each = 100;
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([hall = s.play.node().room("hall"), &told] {
      for (int i = 0; i < each; ++i)
        hall.ask("ann", {{"i", i}}, 1s, [&](const request_result&) { ++told; });
    });
  for (auto& t : threads)
    t.join();
  s.play.settle();
  std::size_t asked = 0;
  for (auto& m : ann->take_all())
    asked += m.type() == "$request" ? 1 : 0;
  s.play.advance(2s);

  CHECK(asked == 16);
  CHECK(told == 3 * each);
}
