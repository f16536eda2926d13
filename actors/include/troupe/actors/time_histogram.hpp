#pragma once

#include <troupe/actors/clock.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe::actors {

/// A number that one thread adds to and any thread reads. Cost of an addition: a load and a store.
class loop_counter {
public:
  void add(std::uint64_t by) noexcept { n_.store(value() + by, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return n_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> n_{0};
};

/// The upper bounds of the buckets of all histograms of times; what takes longer than the last has
/// a bucket of its own.
inline constexpr auto time_bounds = [] {
  using namespace std::chrono_literals;
  return std::array<std::chrono::microseconds, 14>{100us, 250us, 500us, 1ms,   2500us, 5ms, 10ms,
                                                   25ms,  50ms,  100ms, 250ms, 500ms,  1s,  5s};
}();

/// Counts of times by their length, at one moment.
struct time_counts {
  /// Each counts the times within its bound and above the one before; the last, those above all
  /// bounds.
  std::array<std::uint64_t, time_bounds.size() + 1> buckets{};
  std::chrono::nanoseconds sum{0};

  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (auto n : buckets)
      all += n;
    return all;
  }
};

/// Counts times by their length. Thread: one notes, any reads; numbers read during a note may be of
/// different moments. Cost of a note: at most a comparison for each bound, and two additions.
/// Allocates nothing.
class time_histogram {
public:
  /// A time below 0, as of a clock that was set back, counts as 0.
  void note(std::chrono::nanoseconds took) noexcept {
    std::size_t i = 0; // most times are in the first bucket
    while (i < time_bounds.size() && took > time_bounds[i])
      ++i;
    buckets_[i].add(1);
    if (took > std::chrono::nanoseconds{0})
      sum_.add(static_cast<std::uint64_t>(took.count()));
  }

  /// Adds what was noted here to `sum`.
  void add_to(time_counts& sum) const noexcept {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      sum.buckets[i] += buckets_[i].value();
    sum.sum += std::chrono::nanoseconds{static_cast<std::int64_t>(sum_.value())};
  }

private:
  std::array<loop_counter, time_bounds.size() + 1> buckets_;
  loop_counter sum_; ///< in nanoseconds
};

} // namespace troupe::actors
