#pragma once

#include <troupe/protocol/event.hpp>

#include <chrono>

namespace troupe::actors {

using steady_time = std::chrono::steady_clock::time_point;
using protocol::wall_time;

/// Where a loop reads the time; a test passes one that it moves itself. Thread: the loop's.
class loop_clock {
public:
  virtual ~loop_clock() = default;
  /// For deadlines: never goes back.
  [[nodiscard]] virtual steady_time now() const = 0;
  /// The civil time, for people and tokens; may be set.
  [[nodiscard]] virtual wall_time wall_now() const = 0;
};

/// The machine's clocks.
[[nodiscard]] const loop_clock& system_clock() noexcept;

} // namespace troupe::actors
