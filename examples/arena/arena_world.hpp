#pragma once

#include "geometry.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe::examples {

/// The numbers of the game. Lengths are in units of the field, times in steps of the world.
struct arena_rules {
  static constexpr int steps_per_second = 30;
  static constexpr double body = 24;       ///< radius of a fighter
  static constexpr double top_speed = 330; ///< units per second
  static constexpr double grip = 0.25;     ///< of the way to the wished velocity, in each step
  static constexpr int health = 3;         ///< so many shots bring a fighter down
  static constexpr int reload = 8;
  static constexpr double shot_speed = 870; ///< units per second
  static constexpr int shot_life = 27;
  static constexpr double shot = 5; ///< radius
  static constexpr int down = 60;   ///< from a fighter's fall to its return
  static constexpr int shield = 45; ///< how long who has entered cannot be hit, until it shoots
};

/// The field: a rectangle from {0, 0} to `size`, with pillars that stop fighters and shots, and the
/// places where fighters enter.
struct arena_map {
  vec size;
  std::vector<disc> pillars;
  std::vector<vec> entries; ///< at least one

  [[nodiscard]] static arena_map standard();
};

/// What a player wants from now on.
struct intent {
  vec move{};     ///< {1, 0}: to the right at full speed; what is longer than 1 counts as 1
  double aim = 0; ///< an angle in radians, clockwise from the right
  bool fire = false;
};

struct fighter {
  int number = 0; ///< never given again
  vec at{};
  vec velocity{}; ///< units per second
  intent wish{};
  int health = 0; ///< 0: it is down, and returns
  int frags = 0;
  int falls = 0;
  bool resting = false; ///< its player is away: it stands still, and nobody can hit it
  bool trigger = false; ///< it has wished to fire since the last step
  int reload = 0;       ///< steps until it can shoot
  int shield = 0;       ///< steps
  int down = 0;         ///< steps until it returns

  [[nodiscard]] bool stands() const noexcept { return health > 0; }
  [[nodiscard]] bool can_be_hit() const noexcept { return stands() && !resting && shield == 0; }
};

struct shot {
  int number = 0; ///< never given again
  int by = 0;     ///< of a fighter, who may have left
  vec at{};
  vec velocity{}; ///< units per second
  int life = 0;   ///< steps
};

/// A fighter was brought down.
struct frag {
  int by = 0; ///< who may have left
  int of = 0;
};

/// The rules of the arena: what bodies do in a fixed step of time. Knows no clock and no network,
/// and has no chance in it: the same calls have the same results.
class arena_world {
public:
  /// Throws `std::invalid_argument` for a map without entries.
  explicit arena_world(arena_map map = arena_map::standard());

  /// A new fighter, at the entry that is farthest from all who stand. Returns its number.
  int enter();
  /// Does nothing if there is no such fighter, as the next two.
  void leave(int number);
  /// The last wish before a step counts; a wish to fire holds until then, however short it is.
  void wish(int number, const intent& what);
  void rest(int number, bool resting);

  /// Moves everything by 1 / `steps_per_second`. Returns who was brought down in this step; valid
  /// until the next one.
  std::span<const frag> step();

  [[nodiscard]] const arena_map& map() const noexcept { return map_; }
  [[nodiscard]] std::span<const fighter> fighters() const noexcept { return fighters_; }
  [[nodiscard]] std::span<const shot> shots() const noexcept { return shots_; }
  /// Null if there is none; valid until the next call that is not const.
  [[nodiscard]] const fighter* find(int number) const noexcept;

private:
  [[nodiscard]] fighter* known(int number) noexcept;
  void put_in(fighter& f);
  void act(fighter& f);
  void move(fighter& f);
  void shoot(fighter& f);
  void push_apart();
  void push_pairs_apart();
  void keep_inside(fighter& f) const;
  /// Returns whether it flies on.
  bool fly(shot& s);
  void hit(fighter& f, int by);

  arena_map map_;
  std::vector<fighter> fighters_;
  std::vector<shot> shots_;
  std::vector<frag> frags_;
  int fighters_made_ = 0;
  int shots_made_ = 0;
};

} // namespace troupe::examples
