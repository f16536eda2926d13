// Reaching a room from any thread by its handle: functions, messages to a user, kicks.
#include <utility>

#include <troupe/node.hpp>
#include <troupe/testing/stage.hpp>

#include <catch2/catch.hpp>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace troupe;
using actors::broadcast_event;
using actors::leave_reason;
using actors::member;
using actors::node_options;
using actors::publish_result;
using actors::room_behavior;
using actors::room_context;
using testing::stage;
using strings = std::vector<std::string>;

namespace {

struct counting final : protocol::event_counters {
  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override {
    counts[{what, std::string{label}}] += n;
  }
  [[nodiscard]] std::uint64_t dropped() {
    return counts[{protocol::counter::dropped, "no_such_room"}];
  }
  std::map<std::pair<protocol::counter, std::string>, std::uint64_t> counts;
};

/// Notes who leaves; survives what is thrown if the test says so.
struct noting final : room_behavior {
  struct notes {
    bool goes_on = false;
    strings said;
  };
  explicit noting(notes& to) : n(to) {}
  void on_leave(room_context&, const member& m, leave_reason why) override {
    n.said.push_back(m.user_id + " " + std::string{to_string(why)});
  }
  bool on_error(room_context&, const member* about, std::string_view what) override {
    n.said.push_back(std::string{what} + (about ? " of somebody" : ""));
    return n.goes_on;
  }
  notes& n;
};

node_options of_loops(unsigned loops) {
  node_options o;
  o.loops = loops;
  o.connections.messages_per_second = 0;
  return o;
}

/// The name of a room that lives on that loop.
std::string room_on(stage& s, unsigned loop) {
  std::string name = "r";
  while (s.node().loop_of(name) != loop)
    name += 'r';
  return name;
}

} // namespace

// -- functions ------------------------------------------------------------------------------------

TEST_CASE("a posted function runs as a hook of its room, in order with what else its thread asks") {
  auto loop = GENERATE(0U, 1U);
  stage s{of_loops(2)};
  auto name = room_on(s, loop);
  auto& ann = s.connect("ann");
  ann.join(name).expect("joined");
  auto room = s.node().room(name);
  bool is_home = false;

  s.together([&] {
    CHECK(room.publish("first", {}) == publish_result::accepted);
    CHECK(room.post([&](room_context& r) {
      is_home = s.node().loop(loop).is_current();
      r.broadcast("second", {{"members", r.member_count()}});
      r.send_to(r.find_user("ann")->key, "third", {});
    }) == publish_result::accepted);
    CHECK(room.publish("fourth", {}) == publish_result::accepted);
    CHECK(room.end() == publish_result::accepted);
    CHECK(room.post([](room_context&) { FAIL("the room has ended"); }) == publish_result::accepted);
  });

  CHECK(is_home);
  ann.expect("first");
  CHECK(ann.expect("second").number("members") == 1);
  ann.expect("third");
  ann.expect("fourth");
  ann.expect("roomClosed");
}

TEST_CASE("a function that is posted to no room is destroyed without having run, and counted") {
  counting counts;
  auto options = of_loops(1);
  options.counters = &counts;
  stage s{options};
  auto kept = std::make_shared<int>();
  std::weak_ptr<int> alive = kept;

  auto answer = s.node().room("nowhere").post(
    [kept = std::move(kept)](room_context&) { FAIL("there is no such room"); });
  s.settle();

  CHECK(answer == publish_result::accepted);
  CHECK(alive.expired());
  CHECK(counts.dropped() == 1);
  CHECK(s.node().stats().rooms == 0);
}

TEST_CASE("a function that has run is destroyed, and so is what it has held") {
  stage s;
  s.connect("ann").join("hall").expect("joined");
  auto kept = std::make_shared<int>();
  std::weak_ptr<int> alive = kept;

  (void)s.node().room("hall").post([kept = std::move(kept)](room_context&) { *kept = 1; });
  s.settle();

  CHECK(alive.expired());
}

TEST_CASE("a posted function may post another one, which runs after it") {
  stage s;
  auto& ann = s.connect("ann");
  ann.join("hall").expect("joined");
  auto room = s.node().room("hall");

  (void)room.post([room](room_context& r) {
    (void)room.post([](room_context& later) { later.broadcast("second", {}); });
    r.broadcast("first", {});
  });

  ann.expect("first");
  ann.expect("second");
}

TEST_CASE(
  "a posted function that throws ends its room, unless the behaviour says that it goes on") {
  auto goes_on = GENERATE(false, true);
  noting::notes notes{goes_on, {}};
  stage s;
  s.node().rooms("hall", [&](auto) { return std::make_unique<noting>(notes); });
  auto& ann = s.connect("ann");
  ann.join("hall").expect("joined");

  (void)s.node().room("hall").post([](room_context& r) {
    r.broadcast("half", {});
    throw std::runtime_error{"boom"};
  });

  ann.expect("half");
  CHECK(notes.said.front() == "boom");
  if (goes_on) {
    ann.publish("hall", "hi").expect("message");
    ann.expect_nothing();
  } else {
    CHECK(ann.expect("roomClosed").text("reason") == "crashed");
  }
}

TEST_CASE("what posted functions say counts as the room's own output, which ends it in the end") {
  stage s;
  auto& ann = s.connect("ann");
  ann.join("hall").expect("joined");
  auto room = s.node().room("hall");
  double before = -1, after = -1;

  (void)room.post([&](room_context& r) {
    before = r.pressure();
    r.broadcast("much", {{"text", std::string(1024 * 1024, 'x')}});
    after = r.pressure();
  });
  ann.expect("much");
  CHECK(before == 0);
  CHECK(after >= 1);

  (void)room.post([](room_context& r) {
    for (int i = 0; i < 8; ++i)
      r.broadcast("more", {{"text", std::string(1024 * 1024, 'x')}});
  });
  auto rest = ann.take_all();
  REQUIRE_FALSE(rest.empty());
  CHECK(rest.back().type() == "roomClosed");
  CHECK(rest.back().text("reason") == "overloaded");
}

TEST_CASE("functions of several threads run in the order of each, and one at a time") {
  stage s{of_loops(2)};
  s.connect("ann").join("hall").expect("joined");
  std::map<int, int> next; // only the room's loop touches it
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&next, t, room = s.node().room("hall")] {
      for (int i = 0; i < 200; ++i)
        (void)room.post([&next, t, i](room_context&) {
          if (next[t] == i)
            ++next[t];
        });
    });
  for (auto& t : threads)
    t.join();

  s.settle();

  CHECK(next == std::map<int, int>{{0, 200}, {1, 200}, {2, 200}});
}

// -- the bounds -----------------------------------------------------------------------------------

TEST_CASE("so many calls may be under way to a room from outside, of whatever kind") {
  auto options = of_loops(1);
  options.rooms.max_outside_calls = 4;
  stage s{options};
  auto& ann = s.connect("ann");
  ann.join("hall").expect("joined");
  auto room = s.node().room("hall");
  auto nothing = [](room_context&) {};

  s.together([&] {
    CHECK(room.publish("a", {}) == publish_result::accepted);
    CHECK(room.post(nothing) == publish_result::accepted);
    CHECK(room.send_to_user("ann", "b", {}) == publish_result::accepted);
    CHECK(s.node().room("hall").kick("ben") == publish_result::accepted);

    CHECK(room.post(nothing) == publish_result::overloaded);
    CHECK(room.kick("ann") == publish_result::overloaded);
    CHECK(room.send_to_user("ann", "c", {}) == publish_result::overloaded);
    CHECK(room.publish("c", {}) == publish_result::overloaded);
    CHECK(s.node().room("other").post(nothing) == publish_result::accepted);
  });

  ann.expect("a");
  ann.expect("b");
  ann.expect_nothing();
  CHECK(room.post(nothing) == publish_result::accepted);
  CHECK(actors::room_limits{}.max_outside_calls == 16'384);
}

TEST_CASE("where the limit of calls is lifted, bytes are bounded still") {
  auto options = of_loops(1);
  options.rooms.max_outside_calls = 0;
  options.rooms.max_pending_bytes = 10'000;
  stage s{options};
  s.connect("ann").join("hall").expect("joined");
  auto room = s.node().room("hall");
  std::size_t calls = 0;

  s.together([&] {
    while (calls < 1000 && room.kick("nobody", std::string(1000, 'x')) == publish_result::accepted)
      ++calls;
  });

  CHECK(calls == 10);
}

TEST_CASE("a function that was refused for too much under way has not run, and does not later") {
  auto options = of_loops(1);
  options.rooms.max_outside_calls = 1;
  stage s{options};
  s.connect("ann").join("hall").expect("joined");
  auto room = s.node().room("hall");
  strings ran;

  s.together([&] {
    (void)room.post([&](room_context&) { ran.emplace_back("first"); });
    (void)room.post([&](room_context&) { ran.emplace_back("second"); });
  });

  CHECK(ran == strings{"first"});
}

// -- users ----------------------------------------------------------------------------------------

TEST_CASE("a message to a user reaches all its sessions in the room, and nobody else") {
  stage s{of_loops(2)};
  auto& ann = s.connect("ann");
  auto& ann_packed = s.connect("ann", protocol::encoding::v1_msgpack);
  auto& ann_plain = s.connect("ann", protocol::encoding::plain_json);
  auto& ann_elsewhere = s.connect("ann");
  auto& ben = s.connect("ben");
  for (auto* c : {&ann, &ann_packed, &ann_plain, &ben})
    c->join("hall");
  ann_elsewhere.join("other");
  for (auto* c : {&ann, &ann_packed, &ann_plain, &ben, &ann_elsewhere})
    (void)c->take_all();
  auto room = s.node().room("hall");

  CHECK(room.send_to_user("ann", "gift", {{"gold", 5}}) == publish_result::accepted);
  CHECK(room.send_to_user("cid", "gift", {}) == publish_result::accepted);

  CHECK(ann.expect("gift").json() == R"({"type":"gift","roomId":"hall","gold":5})");
  CHECK(ann_packed.expect("gift").number("gold") == 5);
  CHECK(ann_plain.expect("gift").json() == R"({"type":"gift","gold":5})");
  ben.expect_nothing();
  ann_elsewhere.expect_nothing();
}

TEST_CASE("a kick throws out all sessions of a user, and the others hear of it once") {
  noting::notes notes;
  stage s{of_loops(2)};
  s.node().rooms("hall", [&](auto) { return std::make_unique<noting>(notes); });
  auto& one = s.connect("ann");
  auto& two = s.connect("ann");
  auto& ben = s.connect("ben");
  for (auto* c : {&one, &two, &ben})
    c->join("hall").expect("joined");
  (void)one.take_all();
  (void)two.take_all();
  (void)ben.take_all();

  CHECK(s.node().room("hall").kick("ann", "enough") == publish_result::accepted);

  for (auto* c : {&one, &two}) {
    auto left = c->expect("left");
    CHECK(left.text("reason") == "kicked");
    CHECK(left.text("message") == "enough");
    c->expect_nothing();
  }
  CHECK(ben.expect("userLeft").text("userId") == "ann");
  ben.expect_nothing();
  CHECK(notes.said == strings{"ann kicked", "ann kicked"});
  one.join("hall").expect("joined");
}

TEST_CASE("a kick of a user who is not there does nothing, and the last member's ends the room") {
  stage s;
  auto& ann = s.connect("ann");
  ann.join("hall").expect("joined");
  auto room = s.node().room("hall");

  (void)room.kick("ben");
  ann.expect_nothing();
  (void)room.kick("ann");

  ann.expect("left");
  CHECK(s.node().stats().rooms == 0);
}

// -- what waits -----------------------------------------------------------------------------------

TEST_CASE("a behaviour sees what waits for a member that does not read, whichever loop it is on") {
  auto loop = GENERATE(0U, 1U);
  stage s{of_loops(2)};
  auto name = room_on(s, 0);
  auto& slow = s.connect({.encoding = protocol::encoding::v1_json, .user_id = "slow"}, loop);
  slow.join(name).expect("welcome");
  slow.expect("joined");
  auto room = s.node().room(name);
  auto waits = [&] {
    std::size_t bytes = 0;
    for (int twice = 0; twice < 2; ++twice) { // the first time asks the other loop
      (void)room.post([&](room_context& r) { bytes = r.queued_bytes(r.find_user("slow")->key); });
      s.settle();
    }
    return bytes;
  };

  CHECK(waits() == 0);
  slow.stall();
  for (int i = 0; i < 2; ++i)
    (void)room.publish("x", {{"p", std::string(5'000, 'x')}});
  s.settle();
  CHECK(waits() >= 10'000);
  slow.read_on();
  s.settle();
  CHECK(waits() == 0);
}

// -- mistakes -------------------------------------------------------------------------------------

TEST_CASE("what a handle cannot pass on is told by a sentence, or as gone") {
  actors::room_handle of_nobody, of_the_past;
  auto nothing = [](room_context&) {};
  auto all_gone = [&](const actors::room_handle& room) {
    CHECK(room.post(nothing) == publish_result::gone);
    CHECK(room.kick("ann") == publish_result::gone);
    CHECK(room.send_to_user("ann", "x", {}) == publish_result::gone);
  };
  {
    stage s;
    of_the_past = s.node().room("hall");
    all_gone(s.node().room(std::string(200, 'x')));

    CHECK_THROWS_WITH(of_the_past.post({}), "room_handle::post: the function is empty");
    CHECK_THROWS_AS(of_nobody.post(nullptr), std::invalid_argument);
    CHECK_THROWS_AS(of_the_past.send_to_user("ann", "message", {}), std::invalid_argument);
    CHECK_THROWS_AS(of_the_past.send_to_user("ann", "x", {{"roomId", 1}}), std::invalid_argument);
  }
  all_gone(of_nobody);
  all_gone(of_the_past);
}
