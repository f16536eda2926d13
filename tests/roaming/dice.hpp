#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>

namespace troupe::roaming {

/// All random choices of a run.
class dice {
public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}

  /// 0 to `n` - 1.
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>{0, n - 1}(engine_);
  }
  std::chrono::milliseconds between(std::chrono::milliseconds least,
                                    std::chrono::milliseconds most) {
    return std::chrono::milliseconds{
      std::uniform_int_distribution<std::int64_t>{least.count(), most.count()}(engine_)};
  }

private:
  std::mt19937_64 engine_;
};

} // namespace troupe::roaming
