#pragma once

#include <algorithm>

namespace troupe::actors {

/// Decides when a turn may wait for more input before a large flush: each time, as long as the
/// waits bring something. After a wait that brought nothing, it skips the next 1, 3, 7 … 63
/// chances; after one that brought something, a quarter as many as before. Thread: its loop's.
class gather_pace {
public:
  /// Whether the loop may wait now; asked once for each chance.
  [[nodiscard]] bool allows() noexcept {
    if (left_out_ == 0)
      return true;
    --left_out_;
    return false;
  }

  /// Call it after each wait; `has_gained`: the wait brought something.
  void note(bool has_gained) noexcept {
    between_ = has_gained ? between_ / 4 : std::min(most_between, between_ * 2 + 1);
    left_out_ = between_;
  }

private:
  static constexpr unsigned most_between = 63;

  unsigned between_ = 0;  ///< chances to skip between two waits
  unsigned left_out_ = 0; ///< of these, still to skip
};

} // namespace troupe::actors
