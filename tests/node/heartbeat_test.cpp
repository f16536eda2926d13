#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds interval = 25s;
constexpr std::chrono::milliseconds timeout = 10s;
constexpr auto one_tick = 10ms; // a deadline may be that late

actors::node_options beating(unsigned loops = 1) {
  actors::node_options o;
  o.loops = loops;
  o.heartbeat = {interval, timeout};
  o.connections.messages_per_second = 0;
  return o;
}

std::ptrdiff_t pings(client& c) {
  (void)c.texts();
  auto n = std::count_if(c.others.begin(), c.others.end(), [](auto& f) { return f.opcode == 9; });
  c.others.clear();
  return n;
}

void say_ping(client& c) { c.say(R"({"type":"ping"})"); }

/// Lets time pass while only the client's loop runs.
void pass_on_loop_0(manual_node& world, std::chrono::milliseconds time) {
  for (; time.count() > 0; time -= 100ms) {
    world.clock.advance(100ms);
    while (world.node.loop(0).run_turn()) {}
  }
}

} // namespace

// Pins §14.2.
TEST_CASE("a client is pinged for the first time after half the interval to all of it") {
  manual_node world{beating()};
  client ann{world};
  world.settle();

  world.pass(interval / 2 - one_tick);
  auto early = pings(ann);
  world.pass(interval / 2 + 2 * one_tick);

  CHECK(early == 0);
  CHECK(pings(ann) == 1);
}

// Pins §14.3.
TEST_CASE("a client that does not answer its ping is terminated after the timeout") {
  manual_node world{beating()};
  client ann{world}, bob{world};
  ann.join("r");
  bob.join("r");
  world.settle();
  auto bob_talks_for = [&](std::chrono::milliseconds time) {
    for (; time.count() > 0; time -= one_tick) {
      say_ping(bob);
      world.pass(one_tick);
    }
  };
  while (pings(ann) == 0)
    bob_talks_for(one_tick);

  bob_talks_for(timeout - one_tick);
  auto early = ann.session.ended();
  bob_talks_for(2 * one_tick);

  CHECK_FALSE(early);
  CHECK(ann.session.ended());
  CHECK_FALSE(bob.session.ended());
  CHECK(bob.heard("userLeft", "reason") == std::vector<std::string>{"disconnected"});
}

TEST_CASE("a client that answers is pinged again after the interval of silence, and terminated if "
          "it then does not") {
  manual_node world{beating()};
  client ann{world};
  world.settle();
  while (pings(ann) == 0)
    world.pass(10ms);

  // A ping may come this much earlier, to go together with others.
  constexpr auto before = std::min<std::chrono::milliseconds>(interval / 128, 32ms);
  world.pass(1s);
  say_ping(ann);
  world.pass(interval - before - one_tick);
  auto early = pings(ann);
  world.pass(before + 2 * one_tick);
  auto second = pings(ann);
  world.pass(timeout - before - 2 * one_tick);
  auto alive = !ann.session.ended();
  world.pass(before + 2 * one_tick);

  CHECK(early == 0);
  CHECK(second == 1);
  CHECK(alive);
  CHECK(ann.session.ended());
}

TEST_CASE("clients that fell silent one after the other are pinged together") {
  manual_node world{beating()};
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 50; ++i)
    all.push_back(std::make_unique<client>(world));
  world.settle();
  for (auto left = interval; left > 0ms; left -= 5s) { // until each has been pinged
    world.pass(5s);
    for (auto& c : all)
      say_ping(*c);
  }
  world.pass(interval);
  for (auto& c : all) {
    world.pass(one_tick);
    say_ping(*c);
    (void)pings(*c);
  }
  std::size_t rounds = 0, pinged = 0;
  for (auto left = interval + one_tick; left > 0ms; left -= one_tick) {
    world.pass(one_tick);
    auto now = std::count_if(all.begin(), all.end(), [](auto& c) { return pings(*c) > 0; });
    rounds += now > 0 ? 1 : 0;
    pinged += static_cast<std::size_t>(now);
  }
  CHECK(pinged == all.size());
  CHECK(rounds <= 18); // fifty moments, grouped into steps of 32 ms
}

TEST_CASE("a client that answers is pinged after each interval, also where the timeout is longer") {
  auto options = beating();
  options.heartbeat = {2s, 10s};
  manual_node world{options};
  client ann{world};
  world.settle();
  std::ptrdiff_t count = 0;

  for (auto time = 0ms; time < 20s; time += 100ms) {
    world.pass(100ms);
    if (auto n = pings(ann); n > 0) {
      count += n;
      say_ping(ann);
    }
  }

  CHECK(count >= 9);
  CHECK_FALSE(ann.session.ended());
}

// Pins §14.1.
TEST_CASE("a client is pinged after the interval of silence or a sixteenth less, whenever it was "
          "heard last") {
  constexpr std::chrono::milliseconds beat = 3200ms;
  // Some are shorter than the interval, some are not.
  auto patience = GENERATE(as<std::chrono::milliseconds>{}, 1s, 3200ms, 10s, 0s);
  auto answer_after =
    GENERATE(as<std::chrono::milliseconds>{}, 0ms, 100ms, 190ms, 210ms, 400ms, 900ms);
  INFO("a timeout of " << patience.count() << " ms, answers after " << answer_after.count()
                       << " ms");
  auto options = beating();
  options.heartbeat = {beat, patience};
  manual_node world{options};
  client ann{world};
  world.settle();
  while (pings(ann) == 0)
    world.pass(one_tick);

  for (int round = 0; round < 3; ++round) {
    world.pass(answer_after);
    say_ping(ann);
    world.settle();
    auto silence = 0ms;
    for (; pings(ann) == 0 && silence < 2 * beat; silence += one_tick)
      world.pass(one_tick);
    CHECK(silence >= beat - beat / 16);
    CHECK(silence <= beat + one_tick);
  }
}

// Pins §14.5.
TEST_CASE("a server that stood still reads what has come before it terminates anybody") {
  auto stood_still =
    GENERATE(as<std::chrono::milliseconds>{}, timeout + timeout / 4, 2 * timeout, 1h);
  auto answers = GENERATE(true, false);
  manual_node world{beating()};
  client ann{world};
  world.settle();
  while (pings(ann) == 0)
    world.pass(one_tick);

  world.clock.advance(stood_still);
  world.node.loop(0).run_turn();
  auto ended_at_once = ann.session.ended();
  if (answers)
    say_ping(ann);
  world.pass(timeout / 2 - 2 * one_tick);
  auto ended_early = ann.session.ended();
  world.pass(3 * one_tick);

  CHECK_FALSE(ended_at_once);
  CHECK_FALSE(ended_early);
  CHECK(ann.session.ended() == !answers);
}

TEST_CASE("a client that talks is never pinged") {
  manual_node world{beating()};
  client ann{world};

  for (int i = 0; i < 40; ++i) {
    world.pass(5s);
    say_ping(ann);
  }

  CHECK_FALSE(ann.session.ended());
  CHECK(pings(ann) == 0);
}

/// Covers a peer whose packets no longer arrive, while the server keeps sending to it.
TEST_CASE("being sent to does not keep a silent client alive") {
  manual_node world{beating()};
  client ann{world}, bob{world};
  ann.join("r");
  bob.join("r");

  for (int i = 0; i < 40; ++i) {
    world.pass(1s);
    bob.publish("r", "x");
  }

  CHECK(ann.session.ended());
  CHECK_FALSE(bob.session.ended());
}

// Pins §14.3.
TEST_CASE("a client that reads nothing but talks is not terminated") {
  manual_node world{beating()};
  client ann{world};
  world.settle();
  ann.session.set_window(0);

  for (int i = 0; i < 20; ++i) {
    world.pass(5s);
    ann.say(R"({"type":"leave"})");
  }

  CHECK_FALSE(ann.session.ended());
}

// Pins §16.2.
TEST_CASE("an interval of 0 means no heartbeat") {
  auto options = beating();
  options.heartbeat.interval = 0ms;
  manual_node world{options};
  client ann{world};
  world.settle();

  world.clock.advance(24h);
  world.settle();

  CHECK(pings(ann) == 0);
  CHECK_FALSE(ann.session.ended());
}

/// Pins (under the address sanitizer) that nothing of a terminated session runs once it is gone.
TEST_CASE("a session may be destroyed in the turn in which it was terminated") {
  manual_node world{beating()};
  auto ann = std::make_unique<client>(world);
  world.settle();
  world.clock.advance(interval);
  world.settle();

  world.clock.advance(timeout);
  world.node.loop(0).run_turn();
  ann.reset();
  world.settle();

  CHECK(world.node.stats().connections == 0);
}

/// Pins the contract of `sink::last_inbound`: while the server does not read, a silent client is
/// not at fault.
// Pins §4.57, §14.4.
TEST_CASE("a client that is out of credit is not terminated for being silent") {
  auto options = beating(2);
  options.connections.credits.messages = 2;
  manual_node world{options};
  client ann{world};
  auto room = world.room_on(1);
  ann.join(room); // the room's loop stands still: the join is pending, what follows holds credit
  for (int i = 0; i < 5; ++i)
    ann.publish(room, "x");

  pass_on_loop_0(world, 60s);
  auto ended = ann.session.ended();
  auto unread = ann.session.unread();
  world.settle();

  CHECK(unread > 0);
  CHECK_FALSE(ended);
  CHECK(ann.session.unread() == 0);
}
