#pragma once

#include <troupe/actors/event_loop.hpp>

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <functional>

namespace troupe::actors {

class wall_watch;

/// Calls `then` once the wall clock, which may be set meanwhile, has reached a time: at most 3 s
/// late, never early.
///
/// Thread: the loop's. Nothing is called after its destruction.
class wall_deadline final : timer_wheel::entry,
                            public boost::intrusive::list_base_hook<
                              boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
  wall_deadline(wall_watch& watch, wall_time at, std::function<void()> then);

  /// May call `then` at once.
  void start();

private:
  friend class wall_watch;
  void on_deadline() override { start(); }
  void arm();

  wall_watch& watch_;
  wall_time at_;
  std::function<void()> then_;
};

/// Moves the deadlines of one loop when its wall clock was set, or when the machine slept.
///
/// The clock of the loop's timers knows nothing of that: it stands still while the machine sleeps.
/// Both clocks are compared every two seconds, by one timer for all deadlines and only while there
/// are any. Thread: the loop's.
class wall_watch final : timer_wheel::entry {
public:
  explicit wall_watch(event_loop& loop) : loop_(loop) {}

private:
  friend class wall_deadline;
  void add(wall_deadline& d);
  void on_deadline() override;
  /// How far the wall clock is ahead of the timers' clock.
  [[nodiscard]] std::chrono::milliseconds lead() const;

  event_loop& loop_;
  boost::intrusive::list<wall_deadline, boost::intrusive::constant_time_size<false>> deadlines_;
  std::chrono::milliseconds lead_{}; ///< when the deadlines were armed
};

} // namespace troupe::actors
