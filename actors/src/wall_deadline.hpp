#pragma once

#include <troupe/actors/event_loop.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace troupe::actors {

/// Calls `then` once the wall clock, which may be set meanwhile, has reached `at`; far dates are looked at again once an hour.
/// Thread: the loop's.
class wall_deadline final : timer_wheel::entry {
public:
  wall_deadline(event_loop& loop, wall_time at, std::function<void()> then) : loop_(loop), at_(at), then_(std::move(then)) {}

  /// May call `then` at once.
  void start() {
    constexpr std::chrono::milliseconds longest = std::chrono::hours{1};
    auto left = at_ - loop_.wall_now();
    if (left.count() <= 0)
      then_();
    else
      loop_.arm(*this, std::min<std::chrono::milliseconds>(left, longest));
  }

private:
  void on_deadline() override { start(); }

  event_loop& loop_;
  wall_time at_;
  std::function<void()> then_;
};

} // namespace troupe::actors
