#include "arena/bot_mind.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace troupe::examples;

namespace {

/// Lets a bot play for `seconds` against somebody who stands still, and returns its frags.
int play(unsigned seed, int seconds) {
  arena_world world;
  bot_mind mind{seed};
  auto bot = world.enter(), target = world.enter();
  for (int i = 0; i < seconds * arena_rules::steps_per_second; ++i) {
    auto& other = *world.find(target);
    std::vector<vec> standing;
    if (other.stands())
      standing.push_back(other.at);
    if (i % 3 == 0)
      world.wish(bot, mind.decide(world.find(bot)->at, standing));
    (void)world.step();
  }
  return world.find(bot)->frags;
}

} // namespace

TEST_CASE(
  "a bot finds who stands still on the standard map, and brings it down, whatever its seed") {
  for (unsigned seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u})
    CHECK(play(seed, 60) > 0);
}

TEST_CASE("a bot needs more than the shortest time to bring somebody down") {
  auto frags = 0;
  for (unsigned seed : {1u, 2u, 3u, 4u})
    frags += play(seed, 60);

  constexpr auto shortest = arena_rules::down + arena_rules::shield + 2 * arena_rules::reload;
  CHECK(frags < 4 * 60 * arena_rules::steps_per_second / shortest / 2);
}

TEST_CASE("a bot goes for the nearest") {
  bot_mind mind{1};

  auto wish = mind.decide({500, 500}, std::vector<vec>{{500, 900}, {700, 500}});

  CHECK(std::abs(wish.aim) < 0.2);
}

TEST_CASE("a bot that is alone stands still") {
  bot_mind mind{1};

  auto wish = mind.decide({500, 500}, {});

  CHECK(wish.move == vec{});
  CHECK_FALSE(wish.fire);
}
