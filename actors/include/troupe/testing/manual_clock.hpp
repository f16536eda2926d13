#pragma once

#include <troupe/actors/clock.hpp>

#include <stdexcept>
#include <string>

namespace troupe::testing {

/// Clocks that move only when the test says so. Thread: the test's.
class manual_clock final : public actors::loop_clock {
public:
  [[nodiscard]] actors::steady_time now() const override { return now_; }
  [[nodiscard]] actors::wall_time wall_now() const override {
    return wall_start_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - start_);
  }

  /// Moves both clocks forward. Throws `std::invalid_argument` for a negative time: a steady clock
  /// never goes back.
  void advance(actors::steady_time::duration by) {
    if (by < actors::steady_time::duration::zero()) {
      auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
      throw std::invalid_argument{"advance: a steady clock does not go by " + std::to_string(ms)
                                  + " ms: see set_wall_by"};
    }
    now_ += by;
  }
  /// Sets the wall clock alone forward or back; forward is also what a machine sees after sleep.
  void set_wall_by(std::chrono::milliseconds by) { wall_start_ += by; }

private:
  static constexpr actors::steady_time start_{std::chrono::hours{1}};
  actors::wall_time wall_start_{std::chrono::milliseconds{1'700'000'000'000}};
  actors::steady_time now_ = start_;
};

} // namespace troupe::testing
