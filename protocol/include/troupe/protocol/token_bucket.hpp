#pragma once

#include <algorithm>
#include <chrono>

namespace troupe::protocol {

/// A token bucket: time adds tokens up to a burst, and each use takes one. The caller passes the
/// rate, so that each of many buckets takes only 16 bytes. Thread: one.
class token_bucket {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `tokens`: how many there are at first.
  explicit token_bucket(double tokens) noexcept : left_(tokens) {}

  /// Adds the tokens for the time since the last call; the first call only starts the clock.
  void refill(time_point now, double per_second, double burst) noexcept {
    if (refilled_ != time_point{})
      left_ = std::min(burst,
                       left_ + std::chrono::duration<double>(now - refilled_).count() * per_second);
    refilled_ = now;
  }

  /// Takes a token and returns true, if there is a whole one.
  [[nodiscard]] bool take() noexcept {
    if (left_ < 1)
      return false;
    left_ -= 1;
    return true;
  }

  [[nodiscard]] double left() const noexcept { return left_; }

private:
  double left_;
  time_point refilled_{};
};

} // namespace troupe::protocol
