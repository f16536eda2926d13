#include "net/server_lifecycle.hpp"

#include <troupe/actors/own_thread.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::transport {

server_lifecycle::~server_lifecycle() {
  if (stopper_.joinable())
    stopper_.join();
}

void server_lifecycle::must_be_new(const char* what) const {
  std::lock_guard guard{mutex_};
  if (phase_ != phase::made)
    throw std::logic_error{std::string{what} + " is for set-up: call it before the server starts"};
}

void server_lifecycle::begin_start(bool has_threads) {
  std::lock_guard guard{mutex_};
  if (phase_ == phase::stopping || phase_ == phase::stopped)
    throw std::logic_error{"a server that was stopped does not start again: make another one"};
  if (phase_ != phase::made)
    throw std::logic_error{"the server has been started already"};
  if (has_threads && !stopper_.joinable())
    stopper_ = actors::start_thread("troupe stop", [this] { wait_for_request(); });
  phase_ = phase::starting;
  acting_ = std::this_thread::get_id();
}

void server_lifecycle::end_start(bool has_started) {
  std::lock_guard guard{mutex_};
  phase_ = has_started ? phase::running : phase::made;
  acting_ = {};
  changed_.notify_all();
}

server_lifecycle::found server_lifecycle::begin_stop() {
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

void server_lifecycle::end_stop() {
  std::lock_guard guard{mutex_};
  phase_ = phase::stopped;
  acting_ = {};
  changed_.notify_all();
}

void server_lifecycle::request(actors::drain_kind kind) noexcept {
  std::lock_guard guard{mutex_};
  if (requested_)
    return;
  requested_ = kind;
  changed_.notify_all();
}

void server_lifecycle::wait_for_request() {
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

std::optional<actors::drain_kind> server_lifecycle::begin_requested_stop() {
  std::lock_guard guard{mutex_};
  if (!requested_ || phase_ != phase::running)
    return std::nullopt;
  phase_ = phase::stopping;
  acting_ = std::this_thread::get_id();
  changed_.notify_all();
  return requested_;
}

void server_lifecycle::wait_for_end() const {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return phase_ == phase::stopped; });
}

bool server_lifecycle::wait_for_end(std::chrono::milliseconds patience) const {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return phase_ == phase::stopping || phase_ == phase::stopped; });
  return changed_.wait_for(lock, patience, [this] { return phase_ == phase::stopped; });
}

void server_lifecycle::begin_run() {
  std::lock_guard guard{mutex_};
  if (std::exchange(runs_, true))
    throw std::logic_error{"the server runs already, or has run: run is called once"};
}

bool server_lifecycle::has_started() const {
  std::lock_guard guard{mutex_};
  return phase_ != phase::made;
}

bool server_lifecycle::is_ending() const {
  std::lock_guard guard{mutex_};
  return phase_ == phase::stopping || phase_ == phase::stopped
      || (requested_ && phase_ == phase::running);
}

bool server_lifecycle::is_stopping_thread() const {
  std::lock_guard guard{mutex_};
  return phase_ == phase::stopping && acting_ == std::this_thread::get_id();
}

} // namespace troupe::transport
