// The time of a room: its timers, and its ticks with the messages that wait for them.
#include "room/room_core_scope.hpp"

#include "fanout/dispatcher.hpp"
#include "room/room_ticks.hpp"
#include "room/room_timers.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::actors {
namespace {

void check_timer(const char* call, const char* what, std::chrono::nanoseconds time,
                 std::chrono::nanoseconds least, const timer_handler& then) {
  if (!then)
    throw std::invalid_argument{std::string{call} + ": the handler is empty"};
  if (time < least || time > room_timers::longest)
    throw std::invalid_argument{
      std::string{call} + ": the " + what + " is " + std::to_string(time.count()) + " ns: expected "
      + std::to_string(least.count()) + " to " + std::to_string(room_timers::longest.count())};
}

} // namespace

// -- timers ---------------------------------------------------------------------------------------

room_timer room_core::every(std::chrono::nanoseconds period, timer_handler then) {
  running_room::must_be(*this, "every");
  check_timer("every", "period", period, room_timers::least_period, then);
  return start_timer(period, period, std::move(then));
}

room_timer room_core::after(std::chrono::nanoseconds delay, timer_handler then) {
  running_room::must_be(*this, "after");
  check_timer("after", "delay", delay, {}, then);
  return start_timer(delay, {}, std::move(then));
}

room_timer room_core::start_timer(std::chrono::nanoseconds delay, std::chrono::nanoseconds period,
                                  timer_handler&& then) {
  if (ended_)
    return {};
  if (!timers_)
    timers_ = std::make_unique<room_timers>(config_.limits.max_timers);
  auto made = timers_->add(output_.now() + delay, period, std::move(then));
  plan_timers();
  return made;
}

bool room_core::cancel(room_timer which) {
  running_room::must_be(*this, "cancel");
  return timers_ && timers_->cancel(which);
}

steady_time room_core::steady_now() const {
  running_room::must_be(*this, "steady_now");
  return output_.now();
}

/// Asks to be woken for the first timer.
void room_core::plan_timers() {
  if (auto next = timers_->next_due(); next && !ending_)
    output_.work_at(room_work::run_timers, *next);
}

/// Runs those that are due, but for those that they make: these run in a later turn of the loop.
void room_core::run_timers() {
  if (!timers_)
    return;
  auto now = output_.now();
  auto newest = timers_->latest();
  while (!ending_) {
    command_scope scope{*this, payer::room};
    auto* then = timers_->begin_run(now, newest);
    if (!then)
      break;
    run_hook("a timer's handler", nullptr, [&] { (*then)(*this); });
    timers_->end_run(now);
  }
  plan_timers();
}

// -- ticks ----------------------------------------------------------------------------------------

void room_core::start_ticks(steady_time start) {
  ticks_ = std::make_unique<room_ticks>(config_.tick, start);
}

steady_time room_core::next_tick() const noexcept { return ticks_->clock.next_due(); }

/// Hands over what has waited, then runs the tick that is due, and those that are caught up before
/// it. What becomes due meanwhile has a later turn of the loop.
void room_core::tick() {
  for (auto left = ticks_->most_before + 1; left > 0 && !ending_; --left) {
    auto began = output_.now();
    auto due = ticks_->clock.take(began, ticks_->most_before);
    if (!due)
      return;
    if (ticks_->inputs.size() > 0)
      hand_over(ticks_->inputs.take_all());
    if (!ending_)
      run_tick(*due, began);
    output_.time_has_passed();
    if (config_.counts)
      config_.counts->tick_times.note(output_.now() - began);
  }
}

void room_core::run_tick(const tick_clock::tick& due, steady_time began) {
  command_scope scope{*this, payer::room};
  tick_info info;
  info.number = due.number;
  info.due = ticks_->clock.due(due.number);
  info.step = ticks_->clock.step();
  info.late = began - info.due;
  info.skipped = due.skipped;
  if (config_.counts) {
    loop_counts::add(config_.counts->ticks, 1);
    loop_counts::add(config_.counts->skipped_ticks, due.skipped);
    config_.counts->tick_delays.note(info.late);
  }
  run_hook("on_tick", nullptr, [&] { behavior_->on_tick(*this, info); });
}

/// Whether a member's message waits for the next tick, or is refused because too much waits.
bool room_core::waits_for_tick(const room_input& in) {
  if (in.what != room_input::kind::application || ticks_->hands_over
      || !protocol::is_application_type(in.type) || !find_at(in.place, in.who))
    return false;
  auto why = ticks_->inputs.reason_against(in);
  if (why == errc::ok) {
    ticks_->inputs.add(in);
    return true;
  }
  command_scope scope{*this, payer_of(in.token), in.token, in.who};
  refuse_input(in, why, "Too many messages wait for the room's next tick.");
  return true;
}

/// Handles what has waited, in its order. Who is no member any more has been kicked meanwhile: its
/// connection answers. If the room ends, the connections answer, too.
void room_core::hand_over(std::vector<room_input> waiting) {
  struct mark {
    explicit mark(bool& f) : flag(f) { flag = true; }
    mark(const mark&) = delete;
    mark& operator=(const mark&) = delete;
    ~mark() { flag = false; }
    bool& flag;
  };
  {
    mark handing_over{ticks_->hands_over};
    for (auto& in : waiting)
      if (find_at(in.place, in.who))
        input(in);
  }
  ticks_->inputs.recycle(std::move(waiting));
}

/// Hands over what waits of the member whose place a client takes that comes back. Returns how the
/// join is answered at once; `ok`: it is not.
errc room_core::finish_former(const join_request& request) {
  auto former = former_of(request);
  if (!former)
    return errc::ok;
  entering_ = true; // whoever is kicked
  finish_inputs(former);
  entering_ = false;
  if (ending_)
    return errc::room_closed;
  if (!members_.empty() || !request.resumed || (!keeps_seats() && !request.must_replace))
    return errc::ok;
  check_empty(); // it was the last one, and has been kicked
  return errc::not_joined;
}

void room_core::finish_inputs(session_key who) {
  auto i = ticks_ && !ending_ ? members_.find(who) : members_.end();
  if (i != members_.end())
    hand_over(ticks_->inputs.take_of(i->second.place, who));
}

} // namespace troupe::actors
