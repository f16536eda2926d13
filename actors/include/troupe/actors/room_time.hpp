#pragma once

#include <troupe/actors/clock.hpp>

#include <chrono>
#include <cstddef>
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

/// What becomes of the ticks that a room has missed, because its loop had too much to do.
enum class overrun_policy : std::uint8_t {
  skip,     ///< only the last one runs
  catch_up, ///< they run one after another, up to `tick_options::most_caught_up` of them
};

/// How a room ticks. Where a field bounds something, 0 lifts the limit.
struct tick_options {
  /// Ticks a second, 1 to 128; 0: the room does not tick.
  unsigned rate = 0;
  overrun_policy overrun = overrun_policy::skip;
  /// With `catch_up`: how many missed ticks run before the one that is due, 1 to 1,000; the older
  /// ones are skipped.
  unsigned most_caught_up = 5;
  // The messages that wait for a tick: of a member, and in all. What is beyond is refused:
  // `rate_limited` if it is the member's own limit, else `overloaded`.
  std::size_t max_inputs_per_member = 32;
  std::size_t max_inputs = 4096;
  /// Their bytes, likewise. A first message may be larger than its limit.
  std::size_t max_input_bytes_per_member = 128 * 1024;
  std::size_t max_input_bytes = 1024 * 1024;
};

/// One tick of a room.
struct tick_info {
  std::uint64_t number = 0;         ///< 1 for the first; skipped ones count
  steady_time due{};                ///< start + number / rate, rounded down to a nanosecond
  std::chrono::nanoseconds step{0}; ///< 1 s / rate, rounded down
  std::chrono::nanoseconds late{0}; ///< how long after `due` it began: 0 or more
  std::uint64_t skipped = 0;        ///< ticks before it that were not run
};

} // namespace troupe::actors
