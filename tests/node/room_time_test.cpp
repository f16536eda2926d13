#include <utility>

#include <troupe/node.hpp>
#include <troupe/testing/stage.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using actors::room_behavior;
using actors::room_context;
using testing::stage;
using testing::stage_error;

namespace {

using step = std::function<void(room_context&)>;

/// Does `made` when it is made, and what the test says for each message.
struct scripted final : room_behavior {
  scripted(step made, std::function<void(room_context&, const std::string&)> said)
    : made_(std::move(made)), said_(std::move(said)) {}
  void on_create(room_context& room) override {
    if (made_)
      made_(room);
  }
  void on_message(room_context& room, const actors::member&,
                  const actors::application_message& m) override {
    if (said_)
      said_(room, std::string{m.type});
  }
  step made_;
  std::function<void(room_context&, const std::string&)> said_;
};

actors::behavior_factory making(step made,
                                std::function<void(room_context&, const std::string&)> said = {}) {
  return [=](std::string_view) { return std::make_unique<scripted>(made, said); };
}

actors::node_options plain(unsigned loops = 1) {
  actors::node_options o;
  o.loops = loops;
  o.rooms.linger = 0ms;
  return o;
}

std::int64_t since(actors::steady_time start, room_context& room) {
  return (room.steady_now() - start).count();
}

} // namespace

TEST_CASE("time stops at each timer of each room on its way, in order, to the nanosecond") {
  std::vector<std::pair<std::string, std::int64_t>> ran;
  actors::steady_time start;
  stage s{plain(3)};
  s.node().rooms("*", making([&](room_context& room) {
                   start = room.steady_now();
                   auto note = [&](room_context& r) {
                     ran.emplace_back(std::string{r.name()}, since(start, r));
                   };
                   if (room.name() == "a") {
                     room.every(7'000'001ns, note);
                   } else {
                     room.after(7'000'000ns, note);
                     room.after(14'000'003ns, note);
                   }
                 }));
  s.connect("ann").join("a").expect("joined");
  s.connect("bob").join("b").expect("joined");

  s.advance(22ms);

  CHECK(
    ran
    == std::vector<std::pair<std::string, std::int64_t>>{
      {"b", 7'000'000}, {"a", 7'000'001}, {"a", 14'000'002}, {"b", 14'000'003}, {"a", 21'000'003}});
  CHECK(s.clock().now() == start + 22ms);
}

TEST_CASE("what a timer says reaches the members, and an answer may be asked for in it") {
  stage s{plain()};
  s.node().rooms(
    "*", making([](room_context& room) {
      room.every(1s, [n = 0](room_context& r) mutable { r.broadcast("beat", {{"n", ++n}}); });
    }));
  auto& ann = s.connect("ann");
  ann.join("hall").expect("joined");

  s.advance(999ms);
  ann.expect_nothing();
  s.advance(1ms);
  CHECK(ann.expect("beat").number("n") == 1);
  s.advance(2s);
  CHECK(ann.expect("beat").number("n") == 2);
  CHECK(ann.expect("beat").number("n") == 3);
}

TEST_CASE("timers die with their room, in order or in a crash, and with the node") {
  int beats = 0;
  stage s{plain()};
  s.node().rooms("*", making([&](room_context& room) { room.every(10ms, [&](auto&) { ++beats; }); },
                             [](room_context& room, const std::string& type) {
                               if (type == "boom")
                                 room.after(
                                   0ns, [](room_context&) { throw std::runtime_error{"boom"}; });
                               else
                                 room.end();
                             }));
  auto& ann = s.connect("ann");
  for (auto type : {"end", "boom"}) {
    ann.join("hall").expect("joined");
    s.advance(20ms);
    ann.say(std::string{R"({"type":")"} + type + "\"}");
    CHECK(ann.expect("roomClosed").text("reason")
          == (type == std::string{"end"} ? "ended" : "crashed"));
    auto before = beats;
    CHECK(before >= 2);
    s.advance(1s);
    CHECK(beats == before);
    CHECK_FALSE(s.node().loop(0).deadlines().next());
  }
}

TEST_CASE("a stage says so if a room's timers never let it come to rest") {
  stage s{plain()};
  auto again = std::make_shared<step>();
  *again = [weak = std::weak_ptr<step>{again}](room_context& room) {
    room.after(0ns, *weak.lock());
  };
  s.node().rooms("*", making({}, [again](room_context& room, const std::string& type) {
                   if (type == "go")
                     room.after(0ns, *again);
                   else
                     room.end();
                 }));
  auto& ann = s.connect("ann");
  ann.join("hall").expect("joined");
  CHECK_THROWS_WITH(ann.say(R"({"type":"go"})"),
                    "there is always more to do: a loop never comes to rest");
}

TEST_CASE("a room that is to tick at a rate that is none is refused with a sentence") {
  stage s{plain()};
  auto with = [](unsigned rate) {
    actors::room_options o;
    o.tick.rate = rate;
    return o;
  };
  CHECK_NOTHROW(s.node().rooms("fast", making({}), with(128)));
  CHECK_THROWS_WITH(s.node().rooms("faster", making({}), with(129)),
                    "room_options.tick.rate is 129 Hz: expected 0 to 128 Hz");
  auto o = with(30);
  o.tick.most_caught_up = 0;
  CHECK_THROWS_AS(s.node().rooms("none", making({}), o), std::invalid_argument);
  o.tick.most_caught_up = 5;
  o.tick.overrun = actors::overrun_policy{7};
  CHECK_THROWS_WITH(s.node().rooms("odd", making({}), o),
                    "room_options.tick.overrun is 7: expected skip or catch_up");
}
