#include <utility>

#include "context/wall_deadline.hpp"

#include <algorithm>

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds check_interval = 2s;
constexpr milliseconds tolerance = 500ms; // a clock that is slewed drifts without a step
constexpr milliseconds longest_wait = 1h; // times far away do not fit the timers' clock

} // namespace

// -- wall_deadline --------------------------------------------------------------------------------

wall_deadline::wall_deadline(wall_watch& watch, wall_time at, std::function<void()> then)
  : watch_(watch), at_(at), then_(std::move(then)) {}

void wall_deadline::start() {
  if (at_ <= watch_.loop_.wall_now()) {
    unlink();
    auto then = std::move(then_);
    then(); // which may destroy this
    return;
  }
  if (!is_linked())
    watch_.add(*this);
  arm();
}

void wall_deadline::arm() {
  auto left = std::max(at_ - watch_.loop_.wall_now(), milliseconds::zero());
  watch_.loop_.arm(*this, std::min(left, longest_wait));
}

// -- wall_watch -----------------------------------------------------------------------------------

void wall_watch::add(wall_deadline& d) {
  if (deadlines_.empty())
    lead_ = lead();
  deadlines_.push_back(d);
  if (!armed())
    loop_.arm(*this, check_interval);
}

void wall_watch::on_deadline() {
  if (deadlines_.empty())
    return;
  loop_.arm(*this, check_interval);
  auto now = lead();
  if (std::chrono::abs(now - lead_) < tolerance)
    return;
  lead_ = now;
  for (auto& d : deadlines_)
    d.arm(); // what is due fires with the next tick: nothing is called from within this walk
}

milliseconds wall_watch::lead() const {
  // not the turn's time, which may be older
  auto since_start = loop_.options().clock->now().time_since_epoch();
  return loop_.wall_now().time_since_epoch() - std::chrono::floor<milliseconds>(since_start);
}

} // namespace troupe::actors
