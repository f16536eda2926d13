#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>

namespace troupe::model {

/// Random choices drawn from a seed. One seed is one play.
class draws {
public:
  explicit draws(std::uint64_t seed) : random_(seed) {}

  /// From `low` to `high`, both included.
  int number(int low, int high) { return std::uniform_int_distribution<>{low, high}(random_); }
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(number(0, static_cast<int>(n) - 1));
  }
  /// True once in `n` calls on average.
  bool once_in(int n) { return number(1, n) == 1; }

  template <class T>
  T one_of(std::initializer_list<T> some) {
    return *(some.begin() + number(0, static_cast<int>(some.size()) - 1));
  }
  std::string one_of(std::initializer_list<const char*> some) { return one_of<const char*>(some); }

private:
  std::mt19937_64 random_;
};

} // namespace troupe::model
