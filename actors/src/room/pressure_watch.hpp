#pragma once

namespace troupe::actors {

/// Notices when a room's pressure has risen to its bound, and when it has fallen to half of it
/// again. While it is low, only `rises` is called; once that has returned true, `turns` again and
/// again, until that says that nobody needs to look any more. Thread: the room's.
class pressure_watch {
public:
  static constexpr double bound = 1, relief = 0.5;

  /// More output is pending. Returns whether to look from now on.
  [[nodiscard]] bool rises(double pressure) noexcept {
    if (looks_ || pressure < bound)
      return false;
    looks_ = true;
    return true;
  }

  /// Whether the pressure has become high, or low again, since the last call.
  [[nodiscard]] bool turns(double pressure) noexcept {
    auto turned = is_high_ ? pressure <= relief : pressure >= bound;
    is_high_ ^= turned;
    looks_ = is_high_;
    return turned;
  }

  /// Whether `turns` is to be called again.
  [[nodiscard]] bool looks() const noexcept { return looks_; }

private:
  bool looks_ = false;
  bool is_high_ = false;
};

} // namespace troupe::actors
