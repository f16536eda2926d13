#pragma once

#include <troupe/actors/clock.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace troupe::actors {

/// A rate-limit bucket that holds one second's worth of bytes. `take` may overdraw it. Thread: one.
///
/// It stores only the time at which it will be full again: it is empty exactly while that time is a
/// second away or more.
class byte_bucket {
public:
  /// 0: no limit; the bucket is never empty.
  explicit byte_bucket(std::size_t bytes_per_second) noexcept
    : nanoseconds_per_byte_(bytes_per_second > 0 ? 1e9 / static_cast<double>(bytes_per_second)
                                                 : 0) {}

  void take(std::size_t bytes, steady_time now) noexcept {
    if (nanoseconds_per_byte_ == 0)
      return;
    auto time = static_cast<double>(bytes) * nanoseconds_per_byte_;
    full_at_ = std::max(full_at_, now)
             + std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(time, longest))};
  }

  [[nodiscard]] bool is_empty(steady_time now) const noexcept {
    return full_at_ - now >= std::chrono::seconds{1};
  }

  /// The first moment at which it is not empty.
  [[nodiscard]] steady_time refilled_at() const noexcept {
    return full_at_ - std::chrono::seconds{1} + std::chrono::nanoseconds{1};
  }

private:
  static constexpr double longest = 1e18; ///< nanoseconds; some 30 years

  double nanoseconds_per_byte_;
  steady_time full_at_{};
};

} // namespace troupe::actors
