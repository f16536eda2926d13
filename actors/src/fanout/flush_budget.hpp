#pragma once

#include <cstddef>

namespace troupe::actors {

/// How much a dispatcher sends before others have their turn: the one rule of fairness between
/// rooms, and between all rooms and the sockets that wait to be read.
///
/// It is counted in units. A send costs one, as the system call takes as long as copying some 16
/// KiB, and one more for each 16 KiB (loopback: 0.8 µs for 200 bytes, 4 for 16 KiB, 17 for 64 KiB).
/// A send that costs more than is left is made, and nothing after it.
struct flush_budget {
  std::size_t of_room = 64;  ///< then the next room's turn comes
  std::size_t of_turn = 128; ///< then the loop looks for input

  /// Whether sends of that cost leave too little of a turn for more rooms.
  [[nodiscard]] constexpr bool is_most(std::size_t units) const noexcept {
    return units >= of_turn * 3 / 4;
  }
  /// Whether they are worth a moment's wait for input that shares them.
  [[nodiscard]] constexpr bool is_half(std::size_t units) const noexcept {
    return units >= of_turn / 2;
  }

  [[nodiscard]] static constexpr std::size_t cost(std::size_t bytes) noexcept {
    return 1 + bytes / (16 * 1024);
  }
};

} // namespace troupe::actors
