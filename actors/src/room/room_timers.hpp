#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/room_time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace troupe::actors {

/// The timers of one room: those of `after`, which run once, and those of `every`.
///
/// Invariants: a timer waits, or runs, or is gone. It runs never early; those that are due run in
/// the order of their times, those of one time in the order in which they were made. Runs of one
/// timer are whole periods apart: it does not drift, and what it misses is left out. Bound: `most`.
/// Cost: logarithmic. A timer that runs again allocates nothing. Thread: the room's.
class room_timers {
public:
  static constexpr std::chrono::nanoseconds least_period = std::chrono::milliseconds{1};
  static constexpr std::chrono::nanoseconds longest = std::chrono::hours{24 * 365};

  /// `most`: 0 for any number.
  explicit room_timers(std::size_t most) noexcept : most_(most) {}

  /// `period`: 0 for a timer that runs once. Errors: `std::length_error` beyond the bound,
  /// `std::bad_alloc`; then nothing has changed.
  room_timer add(steady_time due, std::chrono::nanoseconds period, timer_handler then);

  /// Returns whether that timer would have run (again).
  bool cancel(room_timer which) noexcept;

  /// When the first timer that waits is due; nothing if none does.
  [[nodiscard]] std::optional<steady_time> next_due() const noexcept {
    return order_.empty() ? std::nullopt : std::optional{order_.begin()->first};
  }

  /// The timer that was made last.
  [[nodiscard]] room_timer latest() const noexcept { return {last_id_}; }

  /// Begins to run the first timer that is due at `now`, of those made up to `newest`; returns its
  /// handler, which lives until `end_run`, or null if there is none. Precondition: none runs.
  [[nodiscard]] const timer_handler* begin_run(steady_time now, room_timer newest) noexcept;
  /// Its handler has returned. If it is to run again, then at the first of its times behind `now`,
  /// the time of its `begin_run`.
  void end_run(steady_time now) noexcept;

private:
  struct timer {
    steady_time due;
    std::chrono::nanoseconds period;
    timer_handler then;
  };
  using all_timers = std::map<std::uint64_t, timer>;
  using order = std::set<std::pair<steady_time, std::uint64_t>>;

  std::size_t most_;
  std::uint64_t last_id_ = 0;
  all_timers all_; ///< that wait
  order order_;    ///< the same ones
  all_timers::node_type running_;
  order::node_type running_order_;
  bool is_cancelled_ = false; ///< the one that runs
};

} // namespace troupe::actors
