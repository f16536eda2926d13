#include "net/life.hpp"

#include <troupe/actors/own_thread.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::transport {

life::~life() {
  if (stopper_.joinable())
    stopper_.join();
}

void life::must_be_new(const char* what) const {
  std::lock_guard guard{mutex_};
  if (phase_ != phase::made)
    throw std::logic_error{std::string{what} + " is for set-up: call it before the server starts"};
}

void life::begin_start() {
  std::lock_guard guard{mutex_};
  if (phase_ == phase::stopping || phase_ == phase::stopped)
    throw std::logic_error{"a server that was stopped does not start again: make another one"};
  if (phase_ != phase::made)
    throw std::logic_error{"the server has been started already"};
  if (!stopper_.joinable())
    stopper_ = actors::start_thread("troupe stop", [this] { wait_for_request(); });
  phase_ = phase::starting;
  acting_ = std::this_thread::get_id();
}

void life::end_start(bool has_started) {
  std::lock_guard guard{mutex_};
  phase_ = has_started ? phase::running : phase::made;
  acting_ = {};
  changed_.notify_all();
}

life::found life::begin_stop() {
  std::unique_lock lock{mutex_};
  if (phase_ == phase::starting && acting_ == std::this_thread::get_id())
    throw std::logic_error{"stop inside start would wait for itself: call request_stop"};
  changed_.wait(lock, [this] { return phase_ != phase::starting; });
  if (phase_ == phase::stopping && acting_ != std::this_thread::get_id())
    changed_.wait(lock, [this] { return phase_ == phase::stopped; });
  if (phase_ == phase::stopping || phase_ == phase::stopped)
    return found::nothing_to_do;
  auto what = phase_ == phase::running ? found::running_server : found::new_server;
  phase_ = phase::stopping;
  acting_ = std::this_thread::get_id();
  changed_.notify_all();
  return what;
}

void life::end_stop() {
  std::lock_guard guard{mutex_};
  phase_ = phase::stopped;
  acting_ = {};
  changed_.notify_all();
}

void life::request(actors::drain_kind kind) noexcept {
  std::lock_guard guard{mutex_};
  if (requested_)
    return;
  requested_ = kind;
  changed_.notify_all();
}

void life::wait_for_request() {
  actors::drain_kind kind;
  {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] {
      return phase_ == phase::stopped || (requested_ && phase_ == phase::running);
    });
    if (phase_ == phase::stopped)
      return;
    kind = *requested_;
  }
  stop_(kind); // does nothing if somebody else was quicker
}

bool life::wait_for_end(std::chrono::milliseconds patience) const {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return phase_ == phase::stopping || phase_ == phase::stopped; });
  return changed_.wait_for(lock, patience, [this] { return phase_ == phase::stopped; });
}

void life::begin_run() {
  std::lock_guard guard{mutex_};
  if (std::exchange(runs_, true))
    throw std::logic_error{"the server runs already, or has run: run is called once"};
}

bool life::has_started() const {
  std::lock_guard guard{mutex_};
  return phase_ != phase::made;
}

bool life::is_ending() const {
  std::lock_guard guard{mutex_};
  return phase_ == phase::stopping || phase_ == phase::stopped
      || (requested_ && phase_ == phase::running);
}

bool life::is_stopping_thread() const {
  std::lock_guard guard{mutex_};
  return phase_ == phase::stopping && acting_ == std::this_thread::get_id();
}

} // namespace troupe::transport
