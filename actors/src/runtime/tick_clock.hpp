#pragma once

#include <troupe/actors/clock.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace troupe::actors {

/// The ticks of one room, by number: tick n is due at start + n / rate, rounded down to a
/// nanosecond. So they do not drift. Thread: any; no shared state.
class tick_clock {
public:
  static constexpr unsigned highest_rate = 128;

  tick_clock(steady_time start, unsigned rate) noexcept : start_(start), rate_(rate) {}

  [[nodiscard]] steady_time due(std::uint64_t number) const noexcept {
    // In two parts: the product of all nanoseconds would overflow.
    auto rest = static_cast<std::int64_t>(number % rate_);
    return start_ + std::chrono::seconds{number / rate_}
         + std::chrono::nanoseconds{rest * second / rate_};
  }
  /// The number of the last tick that is due at `now`; 0 before the first.
  [[nodiscard]] std::uint64_t count_at(steady_time now) const noexcept {
    auto after = std::chrono::nanoseconds{now - start_}.count();
    if (after < 0)
      return 0;
    auto rest = after % second + 1;
    return static_cast<std::uint64_t>(after / second * rate_ + (rest * rate_ + second - 1) / second
                                      - 1);
  }
  [[nodiscard]] std::chrono::nanoseconds step() const noexcept {
    return std::chrono::nanoseconds{second / rate_};
  }

  /// The tick that comes after those that were taken, and when.
  [[nodiscard]] steady_time next_due() const noexcept { return due(taken_ + 1); }

  struct tick {
    std::uint64_t number;
    std::uint64_t skipped; ///< before it
  };
  /// Takes the next tick; nothing if none is due. Of those that are due it skips all but the last
  /// one and `most_before` before that.
  [[nodiscard]] std::optional<tick> take(steady_time now, std::uint64_t most_before) noexcept {
    auto last = count_at(now);
    if (last <= taken_)
      return std::nullopt;
    auto behind = last - taken_ - 1;
    auto skipped = behind > most_before ? behind - most_before : 0;
    taken_ += skipped + 1;
    return tick{taken_, skipped};
  }

private:
  static constexpr std::int64_t second = 1'000'000'000;

  steady_time start_;
  std::int64_t rate_;
  std::uint64_t taken_ = 0;
};

} // namespace troupe::actors
