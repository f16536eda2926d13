#include "room/room_timers.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::actors {

room_timer room_timers::add(steady_time due, std::chrono::nanoseconds period, timer_handler then) {
  if (most_ > 0 && all_.size() + !running_.empty() >= most_)
    throw std::length_error{"a room has at most " + std::to_string(most_)
                            + " timers (room_limits.max_timers)"};
  auto id = last_id_ + 1;
  auto place = order_.emplace(due, id).first;
  try {
    all_.try_emplace(id, timer{due, period, std::move(then)});
  } catch (...) {
    order_.erase(place);
    throw;
  }
  return {last_id_ = id};
}

bool room_timers::cancel(room_timer which) noexcept {
  if (!running_.empty() && running_.key() == which.id)
    return running_.mapped().period.count() > 0 && !std::exchange(is_cancelled_, true);
  auto gone = all_.extract(which.id); // its handler may be the last to hold something
  if (gone.empty())
    return false;
  order_.erase({gone.mapped().due, which.id});
  return true;
}

const timer_handler* room_timers::begin_run(steady_time now, room_timer newest) noexcept {
  auto at = order_.begin();
  while (at != order_.end() && at->first <= now && at->second > newest.id)
    ++at;
  if (at == order_.end() || at->first > now)
    return nullptr;
  running_ = all_.extract(at->second);
  running_order_ = order_.extract(at);
  is_cancelled_ = false;
  return &running_.mapped().then;
}

void room_timers::end_run(steady_time now) noexcept {
  auto done = std::exchange(running_, {}); // its handler may be the last to hold something
  auto place = std::exchange(running_order_, {});
  auto period = done.mapped().period;
  if (period.count() == 0 || is_cancelled_)
    return;
  auto& due = done.mapped().due;
  due += ((now - due) / period + 1) * period;
  place.value().first = due;
  all_.insert(std::move(done));
  order_.insert(std::move(place));
}

} // namespace troupe::actors
