#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::encoding;
using stage = troupe::test::room_stage;

namespace {

/// Says 100,000 bytes of its own, a tenth of its bound, for each message, as long as it is not told
/// to say less. Notes each pressure that it is told.
struct talker final : room_behavior {
  explicit talker(std::vector<double>& n, bool h) : told(n), heeds(h) {}
  void on_message(room_context& room, const member&, const application_message&) override {
    runs = true;
    if (!is_quiet)
      room.broadcast("noise", {{"text", std::string(104'858, 'x')}});
    runs = false;
  }
  void on_pressure(room_context& room, double pressure) override {
    CHECK_FALSE(runs);
    CHECK(pressure == room.pressure());
    told.push_back(pressure);
    is_quiet = heeds && pressure >= 1;
  }
  std::vector<double>& told;
  bool heeds;
  bool is_quiet = false, runs = false;
};

/// A room whose members take what it says only when the test says so.
struct slow_room {
  explicit slow_room(bool heeds) : s{std::make_unique<talker>(told, heeds)} { s.join(1); }

  /// Lets the room talk without a client's credit.
  void talk(int times = 1) {
    for (int i = 0; i < times; ++i)
      s.core->input(s.input(1, "x", R"({"type":"x"})"));
  }
  /// Lets 10 ms pass: the room looks if it has asked to.
  void tick() {
    s.out.time += 10ms;
    if (!s.out.pressure_due.empty() && s.out.pressure_due.back() <= s.out.time) {
      s.out.pressure_due.clear();
      s.core->tell_pressure();
    }
  }
  void deliver(std::size_t frames) {
    auto& own = s.out.own;
    own.erase(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(std::min(frames, own.size())));
  }

  std::vector<double> told;
  stage s;
};

} // namespace

TEST_CASE("a behaviour is told once that its output waits, and once that half of it has gone") {
  slow_room room{false};
  room.talk(9);
  room.tick();
  CHECK(room.told.empty());

  room.talk(3);
  CHECK(room.told.empty()); // not within the hook that says it
  for (int i = 0; i < 5; ++i)
    room.tick();
  REQUIRE(room.told.size() == 1);
  CHECK(room.told[0] > 1.1);
  CHECK(room.told[0] < 1.3);

  room.deliver(6);
  room.tick();
  CHECK(room.told.size() == 1);
  room.deliver(2);
  room.tick();
  room.tick();
  REQUIRE(room.told.size() == 2);
  CHECK(room.told[1] <= 0.5);
  CHECK(room.s.out.pressure_due.empty()); // nobody looks any more

  room.talk(10);
  room.tick();
  CHECK(room.told.size() == 3);
}

TEST_CASE("a rise that is over before it can be told is not told") {
  slow_room room{false};
  room.talk(12);
  room.deliver(4);
  room.tick();
  CHECK(room.told.empty());

  room.talk(4);
  room.tick();
  CHECK(room.told.size() == 1);
}

// Pins §16.10.
TEST_CASE("a room that says less under pressure lives, and one that goes on ends as overloaded") {
  for (bool heeds : {true, false}) {
    slow_room room{heeds};
    for (int i = 0; i < 1000 && room.s.out.ends.empty(); ++i) {
      room.talk(2);
      room.tick();
      room.deliver(1);
    }

    CHECK(room.s.out.ends.empty() == heeds);
    if (heeds)
      CHECK(room.told.size() > 100); // up and down, again and again
    else
      CHECK(room.s.out.ends == std::vector<room_end>{room_end::overloaded});
  }
}

TEST_CASE("a room that is ending is not told of its pressure") {
  slow_room room{false};
  room.talk(90);
  REQUIRE(room.s.out.ends == std::vector<room_end>{room_end::overloaded});
  room.tick();
  CHECK(room.told.empty());
}

TEST_CASE("what a behaviour says as the pressure falls can let it rise again") {
  struct echoing final : room_behavior {
    void on_message(room_context& room, const member&, const application_message&) override {
      room.broadcast("noise", {{"text", std::string(1'100'000, 'x')}});
    }
    void on_pressure(room_context& room, double pressure) override {
      told.push_back(pressure);
      if (pressure <= 0.5 && told.size() < 3)
        room.broadcast("noise", {{"text", std::string(1'100'000, 'x')}});
    }
    std::vector<double> told;
  };
  auto behavior = std::make_unique<echoing>();
  auto& told = behavior->told;
  stage s{std::move(behavior)};
  s.join(1);
  s.core->input(s.input(1, "x", R"({"type":"x"})"));
  s.core->tell_pressure();
  s.out.own.clear();
  s.out.pressure_due.clear();
  s.core->tell_pressure();
  CHECK_FALSE(s.out.pressure_due.empty());
  s.core->tell_pressure();

  REQUIRE(told.size() == 3);
  CHECK(told[1] <= 0.5);
  CHECK(told[2] >= 1);
}
