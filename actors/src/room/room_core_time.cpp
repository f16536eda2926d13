// The time of a room: its timers.
#include "room/room_core_scope.hpp"

#include "room/room_timers.hpp"

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
    hook_ = "a timer's handler";
    (*then)(*this);
    hook_ = nullptr;
    timers_->end_run(now);
  }
  plan_timers();
}

} // namespace troupe::actors
