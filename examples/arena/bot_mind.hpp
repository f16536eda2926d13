#pragma once

#include "arena_world.hpp"

#include <random>
#include <span>

namespace troupe::examples {

/// What a bot wants: it goes for the fighter that is nearest, walks around it at some distance, and
/// shoots with a hand that is not steady.
class bot_mind {
public:
  explicit bot_mind(unsigned seed) : chance_(seed) {}

  /// `own`: where it is; `others`: those who stand. To be asked some ten times a second.
  intent decide(vec own, std::span<const vec> others);

private:
  double between(double least, double most);

  std::minstd_rand chance_;
  double side_ = 1; ///< which way around
};

} // namespace troupe::examples
