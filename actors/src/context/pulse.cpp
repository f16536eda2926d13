#include "context/pulse.hpp"

#include <algorithm>
#include <random>

namespace troupe::actors {
namespace {

/// A random time between half and all of the interval, so that connections of one burst do not stay
/// in step.
steady_time::duration first_silence(std::chrono::milliseconds interval) {
  thread_local std::minstd_rand source{std::random_device{}()};
  auto part = std::uniform_real_distribution<>{0.5, 1.0}(source);
  return std::chrono::duration_cast<steady_time::duration>(interval * part);
}

/// Rounds `at` down, so that many clients are pinged in one wake-up and their answers are read in
/// another. The result is earlier by at most 32 ms, and at most a 128th of the interval.
steady_time together(steady_time at, std::chrono::milliseconds interval) {
  auto step = std::min<steady_time::duration>(interval / 128, std::chrono::milliseconds{32});
  return step.count() > 0 ? at - at.time_since_epoch() % step : at;
}

} // namespace

void pulse::start(actor_base& owner, const heartbeat_options& options) {
  owner_ = &owner;
  started_at_ = loop_.now();
  if (options.interval.count() > 0)
    loop_.timers().arm(*this,
                       together(started_at_ + first_silence(options.interval), options.interval));
}

void pulse::on_deadline() {
  constexpr std::chrono::seconds until_asked_again{1};
  // `check` sets the next time, unless there is no memory for the message
  loop_.arm(*this, until_asked_again);
  loop_.begin_deadline();
  heartbeat beat;
  owner_->dispatch(beat);
}

void pulse::check(session_key who, const heartbeat_options& options) {
  auto* peer = loop_.sessions().find(who);
  if (!peer)
    return;
  auto at = loop_.now();
  auto heard = peer->last_inbound();
  bool waiting = options.timeout.count() > 0 && pinged_at_ != steady_time{} && pinged_at_ > heard;
  auto overdue = at - pinged_at_ - options.timeout;
  // this process has stood still: the answer may lie in its socket
  if (waiting && overdue >= options.timeout / 4) {
    pinged_at_ = at - options.timeout / 2;
  } else if (waiting && overdue >= steady_time::duration::zero()) {
    peer->terminate(protocol::errc::heartbeat_timeout);
    return;
  }
  if (waiting) {
    loop_.timers().arm(*this, pinged_at_ + options.timeout);
    return;
  }
  bool silent_so_far = pinged_at_ == steady_time{} && heard <= started_at_;
  // so that a prompt answer to the last ping does not cost a check of its own
  auto almost = options.interval - options.interval / 16;
  if (silent_so_far || at - heard >= almost) {
    pinged_at_ = at;
    peer->ping();
    loop_.sessions().touch(who);
    auto next =
      options.timeout.count() > 0 ? std::min(options.timeout, options.interval) : options.interval;
    loop_.timers().arm(*this, together(at + next, options.interval));
    return;
  }
  loop_.timers().arm(*this, together(heard + options.interval, options.interval));
}

} // namespace troupe::actors
