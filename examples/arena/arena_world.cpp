#include "arena_world.hpp"

#include <iterator>
#include <limits>
#include <stdexcept>
#include <utility>

namespace troupe::examples {

namespace {

constexpr double step_seconds = 1.0 / arena_rules::steps_per_second;

/// Pushes a body out of a disc that it overlaps.
void push_out(vec& at, double radius, const disc& d) {
  auto away = at - d.at;
  auto distance = length(away);
  auto wanted = radius + d.radius;
  if (distance >= wanted)
    return;
  at = distance > 0 ? d.at + away * (wanted / distance) : d.at + vec{wanted, 0};
}

} // namespace

arena_map arena_map::standard() {
  arena_map map;
  map.size = {1600, 1000};
  map.pillars = {
    {{800, 500}, 90}, {{400, 290}, 55}, {{1200, 290}, 55}, {{400, 710}, 55}, {{1200, 710}, 55}};
  map.entries = {{120, 120}, {1480, 880}, {1480, 120}, {120, 880},
                 {800, 120}, {800, 880},  {120, 500},  {1480, 500}};
  return map;
}

arena_world::arena_world(arena_map map) : map_(std::move(map)) {
  if (map_.entries.empty())
    throw std::invalid_argument{"arena_world: a map needs a place where fighters enter"};
}

// -- who is in it ---------------------------------------------------------------------------------

int arena_world::enter() {
  fighter f;
  f.number = ++fighters_made_;
  put_in(f);
  fighters_.push_back(f);
  return f.number;
}

void arena_world::leave(int number) {
  std::erase_if(fighters_, [number](auto& f) { return f.number == number; });
}

void arena_world::wish(int number, const intent& what) {
  auto* f = known(number);
  if (!f)
    return;
  f->wish = what;
  if (auto far = length(what.move); far > 1)
    f->wish.move = what.move * (1 / far);
  f->trigger = f->trigger || what.fire;
}

void arena_world::rest(int number, bool resting) {
  auto* f = known(number);
  if (!f)
    return;
  f->resting = resting;
  if (resting) {
    f->wish = {{}, f->wish.aim, false};
    f->trigger = false;
  }
}

const fighter* arena_world::find(int number) const noexcept {
  auto found = std::find_if(fighters_.begin(), fighters_.end(),
                            [number](auto& f) { return f.number == number; });
  return found == fighters_.end() ? nullptr : &*found;
}

fighter* arena_world::known(int number) noexcept { return const_cast<fighter*>(find(number)); }

/// Of entries that are equally far from all others, the first.
void arena_world::put_in(fighter& f) {
  auto nearest = [this, &f](vec entry) {
    auto least = std::numeric_limits<double>::max();
    for (auto& other : fighters_)
      if (other.stands() && other.number != f.number)
        least = std::min(least, length(other.at - entry));
    return least;
  };
  f.at = *std::max_element(map_.entries.begin(), map_.entries.end(),
                           [&](vec a, vec b) { return nearest(a) < nearest(b); });
  f.velocity = {};
  f.health = arena_rules::health;
  f.shield = arena_rules::shield;
  f.reload = 0;
}

// -- a step ---------------------------------------------------------------------------------------

std::span<const frag> arena_world::step() {
  frags_.clear();
  for (auto& f : fighters_)
    act(f);
  push_apart();
  std::erase_if(shots_, [this](shot& s) { return !fly(s); });
  return frags_;
}

void arena_world::act(fighter& f) {
  f.reload = std::max(0, f.reload - 1);
  f.shield = std::max(0, f.shield - 1);
  if (!f.stands() && --f.down == 0)
    put_in(f);
  if (f.stands()) {
    move(f);
    if (f.trigger && f.reload == 0)
      shoot(f);
  }
  f.trigger = f.wish.fire;
}

void arena_world::move(fighter& f) {
  auto wished = f.wish.move * arena_rules::top_speed;
  f.velocity = f.velocity + (wished - f.velocity) * arena_rules::grip;
  f.at = f.at + f.velocity * step_seconds;
}

void arena_world::shoot(fighter& f) {
  auto ahead = direction(f.wish.aim);
  shots_.push_back({++shots_made_, f.number, f.at + ahead * arena_rules::body,
                    ahead * arena_rules::shot_speed, arena_rules::shot_life});
  f.reload = arena_rules::reload;
  f.shield = 0;
}

/// Both of a pair give way; pillars and the edge do not, so it takes some rounds.
void arena_world::push_apart() {
  constexpr int rounds = 4;
  for (int round = 0; round < rounds; ++round)
    push_pairs_apart();
}

void arena_world::push_pairs_apart() {
  for (auto a = fighters_.begin(); a != fighters_.end(); ++a)
    for (auto b = std::next(a); b != fighters_.end(); ++b) {
      if (!a->stands() || !b->stands())
        continue;
      auto apart = a->at;
      push_out(apart, arena_rules::body, {b->at, arena_rules::body});
      auto half = (apart - a->at) * 0.5;
      a->at = a->at + half;
      b->at = b->at - half;
    }
  for (auto& f : fighters_)
    keep_inside(f);
}

void arena_world::keep_inside(fighter& f) const {
  for (auto& pillar : map_.pillars)
    push_out(f.at, arena_rules::body, pillar);
  f.at.x = std::clamp(f.at.x, arena_rules::body, map_.size.x - arena_rules::body);
  f.at.y = std::clamp(f.at.y, arena_rules::body, map_.size.y - arena_rules::body);
}

bool arena_world::fly(shot& s) {
  auto from = s.at;
  s.at = from + s.velocity * step_seconds;
  auto stopped_at = 2.0; // of the way: beyond its end
  for (auto& pillar : map_.pillars)
    if (touches(from, s.at, {pillar.at, pillar.radius + arena_rules::shot}))
      stopped_at = std::min(stopped_at, nearest_on_way(from, s.at, pillar.at));
  fighter* first = nullptr;
  for (auto& f : fighters_) {
    if (f.number == s.by || !f.can_be_hit()
        || !touches(from, s.at, {f.at, arena_rules::body + arena_rules::shot}))
      continue;
    if (auto at = nearest_on_way(from, s.at, f.at); at < stopped_at) {
      stopped_at = at;
      first = &f;
    }
  }
  if (first)
    hit(*first, s.by);
  auto inside = s.at.x >= 0 && s.at.y >= 0 && s.at.x <= map_.size.x && s.at.y <= map_.size.y;
  return stopped_at > 1 && inside && --s.life > 0;
}

void arena_world::hit(fighter& f, int by) {
  if (--f.health > 0)
    return;
  f.down = arena_rules::down;
  f.velocity = {};
  ++f.falls;
  if (auto* winner = known(by))
    ++winner->frags;
  frags_.push_back({by, f.number});
}

} // namespace troupe::examples
