#pragma once

#include <troupe/actors/session_key.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <unordered_map>

namespace troupe::actors {

/// What another loop has said of a session's queue. The room reads it, that loop writes it.
class queue_reading {
public:
  /// What was noted last.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }
  /// Whether the loop is to be asked now: not while it has not answered.
  [[nodiscard]] bool ask() noexcept { return !is_asked_.exchange(true, std::memory_order_relaxed); }
  /// The loop could not be asked.
  void take_back() noexcept { is_asked_.store(false, std::memory_order_relaxed); }
  /// Thread: the session's loop.
  void note(std::size_t bytes) noexcept {
    bytes_.store(bytes, std::memory_order_relaxed);
    is_asked_.store(false, std::memory_order_relaxed);
  }

private:
  std::atomic<std::size_t> bytes_{0};
  std::atomic<bool> is_asked_{false};
};

/// The readings of a room's members on other loops, of whom the behaviour has asked. Bound: one
/// each of the members, with one question under way. Thread: the room's.
class queue_readings {
public:
  /// That of a member; made if need be. Errors: `std::bad_alloc`.
  [[nodiscard]] const std::shared_ptr<queue_reading>& of(session_key who) {
    auto& reading = all_[who];
    if (!reading)
      reading = std::make_shared<queue_reading>();
    return reading;
  }
  /// The member has gone.
  void forget(session_key who) noexcept {
    if (!all_.empty())
      all_.erase(who);
  }

private:
  std::unordered_map<session_key, std::shared_ptr<queue_reading>> all_;
};

} // namespace troupe::actors
