#include <utility>

#include <troupe/node.hpp>
#include <troupe/testing/stage.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using testing::stage;
using testing::stage_error;

namespace {

std::vector<std::string> texts(const std::vector<testing::heard_message>& messages) {
  std::vector<std::string> out;
  for (auto& m : messages)
    out.push_back(m.text("text"));
  return out;
}

/// What a stage says of an expectation that fails; empty: it did not fail.
template <class F>
std::string complaint(F&& expectation) {
  try {
    expectation();
  } catch (const stage_error& e) {
    return e.what();
  }
  return {};
}

actors::node_options unlimited(unsigned loops) {
  actors::node_options o;
  o.loops = loops;
  o.connections.messages_per_second = 0;
  return o;
}

} // namespace

TEST_CASE("clients of a stage talk in a room, each in its codec") {
  stage stage;
  auto& ann = stage.connect("ann");
  auto& bob = stage.connect("bob", protocol::encoding::v1_msgpack);

  ann.join("hall").expect("joined");
  bob.join("hall").expect("joined");
  ann.expect("userJoined");
  bob.publish("hall", "good \"morning\"");

  CHECK(ann.expect("message").text("text") == "good \"morning\"");
  auto own = bob.expect("message");
  CHECK(own.text("text") == "good \"morning\"");
  CHECK(own.number("seq") == 1);
  CHECK(bob.user() == "bob");
  CHECK_NOTHROW(ann.expect_nothing());
}

TEST_CASE("a client of the tutorial's protocol gets no welcome on a stage") {
  stage stage;
  auto& plain = stage.connect("ann", protocol::encoding::plain_json);
  CHECK_NOTHROW(plain.expect_nothing());
}

TEST_CASE("clients of a stage are on its loops by turns") {
  stage stage{unlimited(3)};

  for (auto name : {"a", "b", "c", "d"})
    stage.connect(name);

  std::vector<std::size_t> on_loop;
  for (unsigned i = 0; i < 3; ++i)
    on_loop.push_back(stage.node().loop(i).sessions().size());
  CHECK(on_loop == std::vector<std::size_t>{2, 1, 1});
}

TEST_CASE("a client that was given no id learns it from its welcome") {
  stage stage;
  auto& somebody = stage.connect(actors::connection_info{.encoding = protocol::encoding::v1_json});

  auto id = somebody.expect("welcome").text("userId");

  CHECK_FALSE(id.empty());
  CHECK(somebody.user() == id);
}

TEST_CASE("what a client of MessagePack hears reads as JSON") {
  stage stage;
  auto& packed = stage.connect("ann", protocol::encoding::v1_msgpack);

  auto pong = packed.say(R"({"type":"ping","ref":7})").expect("pong");

  CHECK(pong.bytes().starts_with("\x83\xa4type\xa4pong"));
  CHECK(pong.json().starts_with(R"({"type":"pong","ref":7,"timestamp":")"));
}

TEST_CASE("what a client says raw goes out as it is, as text or as bytes") {
  const std::string bytes{"\0\1", 2};
  stage stage;
  auto& ann = stage.connect("ann");
  auto& packed = stage.connect("bob", protocol::encoding::v1_msgpack);
  ann.join("hall").expect("joined");

  CHECK(ann.say_raw(bytes, true).expect("binary").number("bytes") == 2);
  CHECK(ann.expect("").json() == bytes);
  CHECK(ann.say_raw("{", false).expect("error").text("code") == "malformed");
  CHECK(packed.say_raw(R"({"type":"ping"})", false).expect_end() == 1003);
}

// Pins §10.14.
TEST_CASE("what a client has said before its close reaches the others, read or not") {
  constexpr int messages = 50; // more than its credit
  stage stage{unlimited(2)};
  auto& ann = stage.connect("ann");
  auto& bob = stage.connect("bob");
  std::string room = "a";
  while (stage.node().loop_of(room) == 0) // ann's loop: her credit has to cross loops
    room += 'a';
  ann.join(room).expect("joined");
  bob.join(room).expect("joined");

  stage.together([&] {
    for (int i = 0; i < messages; ++i)
      ann.publish(room, std::to_string(i));
    ann.close(1000, "bye");
  });

  auto heard = bob.take_all();
  auto is_message = [](auto& m) { return m.type() == "message"; };
  CHECK(std::count_if(heard.begin(), heard.end(), is_message) == messages);
  CHECK(heard.back().type() == "userLeft");
}

TEST_CASE("a client that closes hears the server's close") {
  stage stage;
  auto& ann = stage.connect("ann");

  ann.close(1000, "bye");

  CHECK(ann.expect_end() == 1000);
}

// Pins §13.12.
TEST_CASE("an endpoint of a stage that closes at a message is not told of those behind it") {
  int told = 0;
  stage stage;
  auto raw = stage.node().make_endpoint("/raw", {.on_message = [&](auto& c, auto, bool) {
                                          ++told;
                                          c.close(1000);
                                        }});
  auto& ann = stage.connect(actors::connection_info{.endpoint = raw.state()});

  for (int i = 0; i < 5; ++i)
    ann.say_raw("x", false);

  CHECK(told == 1);
  CHECK(ann.expect_end() == 1000);
}

TEST_CASE("an expectation that is not met says what came instead") {
  stage stage;
  auto& ann = stage.connect("ann");

  auto nothing = complaint([&] { ann.expect("joined"); });
  ann.say(R"({"type":"nonsense"})");
  auto other = complaint([&] { ann.expect("joined"); });
  auto some = complaint([&] { ann.expect_nothing(); });
  auto open = complaint([&] { (void)ann.expect_end(); });
  auto no_number = complaint([&] { (void)ann.expect("error").number("nonsense"); });

  CHECK(nothing == "ann: expected `joined`, but nothing came");
  CHECK(other.starts_with(R"(ann: expected `joined`, but there came {"type":"error")"));
  CHECK(some.starts_with("ann: expected nothing, but there came {"));
  CHECK(open.starts_with("ann: expected its end, but there came {"));
  CHECK(no_number.starts_with("no number `nonsense` in {"));
}

TEST_CASE("who is dropped has left, and ends as a lost connection does") {
  stage stage;
  auto& ann = stage.connect("ann");
  auto& bob = stage.connect("bob");
  ann.join("hall").expect("joined");
  bob.join("hall").expect("joined");
  ann.take_all();

  bob.drop();

  CHECK(ann.expect("userLeft").text("userId") == "bob");
  CHECK(bob.has_ended());
  CHECK(bob.expect_end() == 1006);
  CHECK(complaint([&] { bob.expect("message"); }) == "bob: expected `message`, but it has ended");
}

TEST_CASE("time passes only on demand, and clients of a stage answer pings") {
  stage stage;
  auto& ann = stage.connect("ann");
  auto& mute = stage.connect("bob");
  mute.stall();

  stage.advance(2min);

  CHECK_FALSE(ann.has_ended());
  CHECK(mute.has_ended());
}

TEST_CASE("the time of a stage is its own, whatever clock its options name") {
  testing::manual_clock stands_still;
  actors::node_options options;
  options.clock = &stands_still;
  stage stage{options};
  auto& mute = stage.connect("ann");
  mute.stall();

  stage.advance(2min);

  CHECK(mute.has_ended());
}

TEST_CASE("a client takes only so much while it stalls, and the rest once it reads on") {
  stage stage;
  auto& ann = stage.connect("ann");
  ann.join("hall").expect("joined");

  ann.stall(400); // one message and a part of the next
  ann.publish("hall", std::string(200, 'x'));
  ann.publish("hall", std::string(200, 'y'));
  auto first = ann.expect("message").text("text");
  CHECK_NOTHROW(ann.expect_nothing());
  auto second = ann.read_on().expect("message").text("text");

  CHECK(first == std::string(200, 'x'));
  CHECK(second == std::string(200, 'y'));
  CHECK_NOTHROW(ann.expect_nothing());
}

TEST_CASE("a client that does not read is cut, and hears why once it reads") {
  actors::node_options options = unlimited(1);
  options.heartbeat.interval = 0ms;
  stage stage{options};
  auto& ann = stage.connect("ann");
  auto& slow = stage.connect({.encoding = protocol::encoding::v1_json, .user_id = "slow"}, 0,
                             {.max_bytes = 4000});
  ann.join("hall").expect("joined");
  slow.join("hall").expect("welcome");
  slow.expect("joined");

  slow.stall();
  for (int i = 0; i < 40; ++i)
    ann.publish("hall", std::string(200, 'x'));
  slow.read_on();
  auto whole = slow.take_all();

  CHECK(whole.size() < 40);
  CHECK(slow.expect_end() == 1013);
}

TEST_CASE("what happens together is handled in an order that the seed draws") {
  auto order = [](std::uint64_t seed) {
    stage stage{unlimited(3), seed};
    std::vector<stage::client*> speakers;
    auto& ear = stage.connect("ear");
    ear.join("hall").expect("joined");
    for (auto name : {"a", "b", "c", "d"})
      speakers.push_back(&stage.connect(name).join("hall"));
    ear.take_all();
    stage.together([&] {
      for (auto* s : speakers)
        s->publish("hall", s->user());
    });
    return texts(ear.take_all());
  };

  std::vector<std::vector<std::string>> orders;
  for (std::uint64_t seed = 1; seed < 20; ++seed)
    orders.push_back(order(seed));

  for (auto& o : orders)
    CHECK(o.size() == 4);
  CHECK(order(7) == orders[6]);
  CHECK(std::adjacent_find(orders.begin(), orders.end(), std::not_equal_to<>{}) != orders.end());
}

namespace {

/// Counts what it hears of a room.
caf::behavior counter(caf::event_based_actor* self, actors::node* node, int* counted) {
  node->observe("hall", caf::actor_cast<caf::actor>(self));
  return {[counted](const room_event& event) { *counted += event.what == room_event::kind::frame; },
          [](int) {}};
}

/// Asks somebody who never answers, and counts how often that was given up.
void asker(caf::event_based_actor* self, const caf::actor& whom, int* given_up) {
  compat::request(self, whom, 5s, 1)
    .then([](int) {}, [given_up](const caf::error&) { ++*given_up; });
}

} // namespace

TEST_CASE("actors that the test spawns run when the stage settles, on the test's thread") {
  int counted = 0;
  stage stage;
  auto& ann = stage.connect("ann");
  ann.join("hall").expect("joined");

  auto actor = stage.system().spawn(counter, &stage.node(), &counted);
  auto before = counted;
  stage.settle();
  ann.publish("hall", "1");
  ann.publish("hall", "2");

  CHECK(before == 0);
  CHECK(counted == 2);
}

TEST_CASE("a time limit of CAF's passes with the stage's time") {
  int given_up = 0;
  stage stage;
  caf::scoped_actor silent{stage.system()};
  stage.system().spawn(asker, caf::actor_cast<caf::actor>(silent), &given_up);
  stage.settle();

  stage.advance(4990ms);
  auto early = given_up;
  stage.advance(20ms);

  CHECK(early == 0);
  CHECK(given_up == 1);
}

TEST_CASE("a stage refuses to rewrite what is not JSON") {
  stage stage;
  auto& packed = stage.connect("ann", protocol::encoding::v1_msgpack);
  CHECK_THROWS_AS(packed.say("{"), std::invalid_argument);
}

TEST_CASE("what a handle does elsewhere has happened once a client expects it") {
  stage stage;
  auto& ann = stage.connect("ann");
  ann.join("hall").expect("joined");

  CHECK(stage.node().room("hall").publish("news", {{"text", "x"}})
        == actors::publish_result::accepted);

  CHECK(ann.expect("news").text("text") == "x");
}

TEST_CASE("a client of a stage ends with its own close frame, or answers the server's") {
  stage stage;
  std::string ends;
  auto at = stage.node().make_endpoint(
    "/raw", {.on_message = [](auto& c, std::string_view, bool) { c.close(3001, "bye"); },
             .on_close = [&](auto&, std::uint16_t code,
                             std::string_view why) { ends += std::to_string(code).append(why); }});
  actors::connection_info info{.endpoint = at.state()};
  auto& leaves = stage.connect(info);
  auto& told = stage.connect(info);

  leaves.close(4000, " enough, ");
  told.say("go");

  CHECK(told.expect_end() == 3001);
  CHECK(ends == "4000 enough, 3001bye");
}

TEST_CASE("sessions of a stage have a server's deadlines") {
  actors::node_options options;
  options.heartbeat.interval = 0ms;
  stage stage{options};
  auto& ann = stage.connect("ann");
  ann.stall().say(R"({"type":"nonsense"})");

  stage.advance(9s);
  auto early = ann.has_ended();
  stage.advance(4s);

  CHECK_FALSE(early);
  CHECK(ann.has_ended());
}

TEST_CASE("a stage refuses what it cannot do") {
  stage stage;
  auto& ann = stage.connect("ann");

  CHECK_THROWS_AS(stage.connect({.user_id = "bob"}, 7), std::invalid_argument);
  CHECK_THROWS_AS(stage.connect("bob", protocol::encoding::v1_json_deflated),
                  std::invalid_argument);
  CHECK_THROWS_AS(stage.advance(-1ms), std::invalid_argument);
  stage.together([&] {
    CHECK_THROWS_AS(stage.connect("bob"), std::logic_error);
    CHECK_THROWS_AS(stage.settle(), std::logic_error);
    CHECK_THROWS_AS(ann.expect_nothing(), std::logic_error);
  });
}

namespace {

/// Sends itself a message for each one, without end.
caf::behavior restless(caf::event_based_actor* self, int first) {
  auto own = [self] { return caf::actor_cast<caf::actor>(self); };
  compat::anon_send(own(), first);
  return {[own](int x) { compat::anon_send(own(), x); }};
}

/// Asks again each time it has not been answered in time, and counts that.
void ask(caf::event_based_actor* self, const caf::actor& whom, int* ticks) {
  compat::request(self, whom, 1s, 1)
    .then([](int) {},
          [=](const caf::error& why) {
            if (why != caf::sec::request_timeout)
              return;
            ++*ticks;
            ask(self, whom, ticks);
          });
}

} // namespace

TEST_CASE("a moment without end is an error, and ends with its stage") {
  stage stage;
  stage.system().spawn(restless, 1);
  CHECK_THROWS_AS(stage.settle(), stage_error);
}

TEST_CASE("actors that wait for their next tick end with their stage") {
  int ticks = 0;
  {
    stage stage;
    caf::scoped_actor silent{stage.system()};
    stage.system().spawn(ask, caf::actor_cast<caf::actor>(silent), &ticks);
    stage.advance(3050ms);
  }
  CHECK(ticks == 3);
}
