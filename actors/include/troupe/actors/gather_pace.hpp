#pragma once

#include <algorithm>

namespace troupe::actors {

/// Which turns wait for more input before a large flush: all while that gains something. After a
/// wait in vain twice as many turns go without one as before, at most 63 of 64; after one that has
/// gained, a quarter as many. Thread: its loop's.
class gather_pace {
public:
  /// Whether the turn under way may wait; asked once for each wait that is worth it otherwise.
  [[nodiscard]] bool allows() noexcept {
    if (left_out_ == 0)
      return true;
    --left_out_;
    return false;
  }

  /// After a wait.
  void note(bool has_gained) noexcept {
    between_ = has_gained ? between_ / 4 : std::min(most_between, between_ * 2 + 1);
    left_out_ = between_;
  }

private:
  static constexpr unsigned most_between = 63;

  unsigned between_ = 0;  ///< turns without a wait between two with one
  unsigned left_out_ = 0; ///< of these, still
};

} // namespace troupe::actors
