#pragma once

#include <cstdint>
#include <functional>

namespace troupe::actors {

class room_context;

/// Names a timer of one room.
struct room_timer {
  std::uint64_t id = 0; ///< 0: none
  [[nodiscard]] explicit operator bool() const noexcept { return id != 0; }
  bool operator==(const room_timer&) const = default;
};

/// What a timer does, as a hook of its room.
using timer_handler = std::function<void(room_context&)>;

} // namespace troupe::actors
