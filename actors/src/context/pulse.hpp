#pragma once

#include "messages/messages.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/options.hpp>

namespace troupe::actors {

/// The heartbeat of one peer: pings it when it has been silent for the interval, and terminates it
/// when it has not answered in time. If this process stood still (then a check is late by a quarter
/// of the timeout), the peer gets half of the timeout more, so that what came meanwhile is read
/// first. Its deadlines dispatch `heartbeat` messages to the actor that owns it. Thread: the
/// loop's.
class pulse final : timer_wheel::entry {
public:
  /// What all actors that have a pulse derive from.
  using actor_base = compat::dispatched_base<connection_actor, heartbeat>::type;

  explicit pulse(event_loop& loop) : loop_(loop) {}

  /// `owner` is sent `heartbeat`, and calls `check` then. It outlives the pulse.
  void start(actor_base& owner, const heartbeat_options& options);
  void check(session_key who, const heartbeat_options& options);
  void stop() noexcept { cancel(); }

private:
  void on_deadline() override;

  event_loop& loop_;
  actor_base* owner_ = nullptr;
  steady_time started_at_{};
  steady_time pinged_at_{};
};

} // namespace troupe::actors
