#pragma once

#include <cstdint>
#include <random>

namespace troupe::churn {

/// All random choices of a run.
class dice {
public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}

  /// 0 to `n` - 1.
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>{0, n - 1}(engine_); }
  bool chance(unsigned percent) { return below(100) < percent; }
  double unit() { return std::uniform_real_distribution<>{0, 1}(engine_); }

private:
  std::mt19937_64 engine_;
};

} // namespace troupe::churn
