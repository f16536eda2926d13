#pragma once

#include <algorithm>

namespace troupe::actors {

/// Decides when a turn may wait for more input before a large flush: each time, as long as that
/// brings something. After a wait that brought nothing the next 1, 3, 7 … 63 chances are left out;
/// after one that brought something, a quarter as many as before. Thread: its loop's.
class gather_pace {
public:
  /// Whether the loop may wait now; asked once for each chance.
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

  unsigned between_ = 0;  ///< chances that are left out between two waits
  unsigned left_out_ = 0; ///< of these, still
};

} // namespace troupe::actors
