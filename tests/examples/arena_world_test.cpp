#include "arena/arena_world.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>
#include <vector>

using namespace troupe::examples;
using rules = arena_rules;

namespace {

constexpr double pi = 3.14159265358979323846;

/// Two entries that face each other, 300 apart; nothing in between.
arena_map corridor() { return {{1000, 400}, {}, {{300, 200}, {600, 200}}}; }

void pass(arena_world& world, int steps) {
  while (steps-- > 0)
    (void)world.step();
}

/// Ann enters on the left, bob on the right; their shields are over.
struct duel {
  explicit duel(arena_map map = corridor()) : world(std::move(map)) {
    ann = world.enter();
    bob = world.enter();
    pass(world, rules::shield);
  }
  /// Steps until somebody is brought down, at most `most`.
  std::vector<frag> fight(int most) {
    for (int i = 0; i < most; ++i)
      if (auto frags = world.step(); !frags.empty())
        return {frags.begin(), frags.end()};
    return {};
  }
  const fighter& of(int number) const { return *world.find(number); }

  arena_world world;
  int ann = 0, bob = 0;
};

} // namespace

// -- entering and leaving -------------------------------------------------------------------------

TEST_CASE("who enters does so at the entry that is farthest from all others") {
  arena_world world{{{1000, 400}, {}, {{100, 100}, {150, 100}, {900, 100}}}};

  auto first = world.enter();
  auto second = world.enter();

  CHECK(world.find(first)->at == vec{100, 100});
  CHECK(world.find(second)->at == vec{900, 100});
}

TEST_CASE("the standard map has entries that touch neither pillars nor the edge") {
  auto map = arena_map::standard();

  for (auto& entry : map.entries) {
    arena_world world{{map.size, map.pillars, {entry}}};
    auto number = world.enter();
    pass(world, 1);
    CHECK(world.find(number)->at == entry);
  }
}

TEST_CASE("a map without entries is refused") {
  CHECK_THROWS_AS(arena_world({{1000, 400}, {}, {}}), std::invalid_argument);
}

TEST_CASE("the number of a fighter who has left is not given again") {
  arena_world world;
  auto gone = world.enter();

  world.leave(gone);

  CHECK(world.find(gone) == nullptr);
  CHECK(world.enter() != gone);
}

// -- moving ---------------------------------------------------------------------------------------

TEST_CASE("a fighter reaches its top speed and no more, in each direction") {
  for (vec wished : {vec{1, 0}, vec{0, 1}, vec{30, 40}}) {
    arena_world world{{{9000, 9000}, {}, {{4500, 4500}}}};
    auto number = world.enter();

    world.wish(number, {wished});
    pass(world, 2 * rules::steps_per_second);

    CHECK(length(world.find(number)->velocity) == Approx(rules::top_speed).epsilon(0.001));
  }
}

TEST_CASE("a fighter stands still soon after its player lets go") {
  duel d;
  d.world.wish(d.ann, {{0, 1}});
  pass(d.world, 10);

  d.world.wish(d.ann, {});
  pass(d.world, rules::steps_per_second);

  CHECK(length(d.of(d.ann).velocity) < 1);
}

TEST_CASE("a fighter stays in the field") {
  duel d;

  d.world.wish(d.ann, {{-1, -1}});
  pass(d.world, 5 * rules::steps_per_second);

  CHECK(d.of(d.ann).at == vec{rules::body, rules::body});
}

TEST_CASE("a fighter cannot enter a pillar, and slides along it") {
  arena_world world{{{1000, 400}, {{{500, 210}, 50}}, {{100, 200}}}};
  auto number = world.enter();

  world.wish(number, {{1, 0}});
  for (int i = 0; i < 4 * rules::steps_per_second; ++i) {
    pass(world, 1);
    REQUIRE(length(world.find(number)->at - vec{500, 210}) >= 50 + rules::body - 0.001);
  }

  CHECK(world.find(number)->at.x > 560);
}

TEST_CASE("two fighters do not overlap, also at the edge and at the same place") {
  arena_world world{{{400, 400}, {}, {{30, 30}}}};
  auto ann = world.enter(), bob = world.enter();

  world.wish(ann, {{-1, -1}});
  world.wish(bob, {{-1, -1}});
  pass(world, 2 * rules::steps_per_second);

  auto apart = length(world.find(ann)->at - world.find(bob)->at);
  CHECK(apart > 1.9 * rules::body);
}

// -- shooting -------------------------------------------------------------------------------------

TEST_CASE("so many shots as a fighter has health bring it down") {
  duel d;

  d.world.wish(d.ann, {{}, 0, true});
  auto frags = d.fight(2 * rules::steps_per_second);

  REQUIRE(frags.size() == 1);
  CHECK(frags[0].by == d.ann);
  CHECK(frags[0].of == d.bob);
  CHECK(d.of(d.ann).frags == 1);
  CHECK(d.of(d.bob).falls == 1);
  CHECK_FALSE(d.of(d.bob).stands());
}

TEST_CASE("a shot needs its time, and there is one in each time of reload") {
  duel d;

  d.world.wish(d.ann, {{}, 0, true});
  pass(d.world, rules::reload);
  CHECK(d.world.shots().size() == 1);
  CHECK(d.of(d.bob).health == rules::health);
  pass(d.world, 1); // the first one hits, the second one is on its way
  CHECK(d.world.shots().size() == 1);
  CHECK(d.of(d.bob).health == rules::health - 1);
}

TEST_CASE("a trigger that is released before the step fires once") {
  duel d;

  d.world.wish(d.ann, {{}, 0, true});
  d.world.wish(d.ann, {{}, 0, false});
  pass(d.world, 3 * rules::reload);

  CHECK(d.of(d.bob).health == rules::health - 1);
  CHECK(d.world.shots().empty());
}

TEST_CASE("a shot goes where its fighter aims, and ends with its life") {
  duel d{{{9000, 9000}, {}, {{300, 4500}, {8000, 4500}}}};

  d.world.wish(d.ann, {{}, pi / 2, true});
  d.world.wish(d.ann, {{}, pi / 2, false});
  pass(d.world, 1);
  REQUIRE(d.world.shots().size() == 1);
  CHECK(d.world.shots()[0].at.x == Approx(300));
  CHECK(d.world.shots()[0].at.y > 4500 + rules::body);
  pass(d.world, rules::shot_life);
  CHECK(d.world.shots().empty());
}

TEST_CASE("a pillar stops a shot, also for who stands right behind it") {
  auto map = corridor();
  map.pillars = {{{560, 200}, 8}};
  duel d{map};

  d.world.wish(d.ann, {{}, 0, true});

  CHECK(d.fight(4 * rules::steps_per_second).empty());
  CHECK(d.of(d.bob).health == rules::health);
}

TEST_CASE("a shot hits the first of two who stand in a row") {
  arena_world world{{{1000, 400}, {}, {{300, 200}, {900, 200}, {600, 200}}}};
  auto ann = world.enter(), far = world.enter(), near = world.enter();
  REQUIRE(world.find(near)->at == vec{600, 200});
  pass(world, rules::shield);

  world.wish(ann, {{}, 0, true});
  pass(world, 2 * rules::reload);

  CHECK(world.find(near)->health < rules::health);
  CHECK(world.find(far)->health == rules::health);
}

TEST_CASE("a shot counts for nobody if its fighter has left") {
  duel d;
  d.world.wish(d.ann, {{}, 0, true});
  while (d.of(d.bob).health > 1)
    pass(d.world, 1);

  d.world.leave(d.ann);
  auto frags = d.fight(rules::shot_life);

  REQUIRE(frags.size() == 1);
  CHECK(frags[0].by == d.ann);
  CHECK(d.world.fighters().size() == 1);
}

// -- falls, shields, rest -------------------------------------------------------------------------

TEST_CASE("who is down neither moves nor shoots, and returns whole after its time") {
  duel d;
  d.world.wish(d.ann, {{}, 0, true});
  REQUIRE(d.fight(2 * rules::steps_per_second).size() == 1);
  d.world.wish(d.ann, {});
  auto where = d.of(d.bob).at;
  d.world.wish(d.bob, {{1, 0}, pi, true});

  pass(d.world, rules::down - 1);
  CHECK_FALSE(d.of(d.bob).stands());
  CHECK(d.of(d.bob).at == where);
  CHECK(d.world.shots().empty());
  pass(d.world, 1);
  CHECK(d.of(d.bob).health == rules::health);
}

TEST_CASE("who has entered cannot be hit while its shield lasts") {
  arena_world world{corridor()};
  auto ann = world.enter();
  pass(world, rules::shield);
  auto bob = world.enter();

  world.wish(ann, {{}, 0, true});
  pass(world, rules::shield - 1);
  CHECK(world.find(bob)->health == rules::health);
  pass(world, rules::shot_life);
  CHECK(world.find(bob)->health < rules::health);
}

TEST_CASE("who shoots has no shield any more") {
  arena_world world{corridor()};
  auto ann = world.enter();

  world.wish(ann, {{}, pi, true});
  pass(world, 1);

  CHECK(world.find(ann)->can_be_hit());
}

TEST_CASE("who rests stands still, does not shoot and cannot be hit until it is back") {
  duel d;
  d.world.wish(d.ann, {{}, 0, true});
  d.world.wish(d.bob, {{0, 1}, pi, true});

  d.world.rest(d.bob, true);
  pass(d.world, rules::steps_per_second);
  CHECK(d.of(d.bob).health == rules::health);
  CHECK(length(d.of(d.bob).at - vec{600, 200}) < 1);
  d.world.rest(d.bob, false);
  pass(d.world, rules::steps_per_second);
  CHECK(d.of(d.bob).health < rules::health);
}

TEST_CASE("the same calls have the same results") {
  auto play = [] {
    arena_world world;
    for (int i = 0; i < 6; ++i)
      (void)world.enter();
    for (int i = 0; i < 900; ++i) {
      if (i % 20 == 0)
        for (auto& f : world.fighters())
          world.wish(f.number, {direction(i + f.number), 0.7 * i * f.number, true});
      (void)world.step();
    }
    std::vector<vec> where;
    for (auto& f : world.fighters())
      where.push_back(f.at);
    return where;
  };

  CHECK(play() == play());
}
