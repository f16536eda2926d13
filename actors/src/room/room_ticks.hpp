#pragma once

#include "room/waiting_inputs.hpp"
#include "runtime/tick_clock.hpp"

#include <troupe/actors/room_time.hpp>

namespace troupe::actors {

/// What a room that ticks has on top. Thread: the room's.
struct room_ticks {
  explicit room_ticks(const tick_options& o, steady_time start) noexcept
    : clock(start, o.rate),
      inputs(o),
      most_before(o.overrun == overrun_policy::catch_up ? o.most_caught_up : 0) {}

  tick_clock clock;
  waiting_inputs inputs;
  unsigned most_before;    ///< ticks that are caught up before the one that is due
  bool hands_over = false; ///< what has waited is being handled
};

} // namespace troupe::actors
