#pragma once

#include <troupe/actors/room_context.hpp>

#include <utility>

namespace troupe::actors {

/// While it exists, the hooks of that room run on this thread, and its `room_context` may be used.
/// They nest: another room's hooks may run inside. Thread: the room's loop. Cost: two moves.
class running_room {
public:
  explicit running_room(const room_context& room) noexcept
    : before_(std::exchange(current_, &room)) {}
  running_room(const running_room&) = delete;
  running_room& operator=(const running_room&) = delete;
  ~running_room() { current_ = before_; }

  /// Throws `std::logic_error` that names `call` unless a hook of `room` runs on this thread, and
  /// no hook of another room inside of it. Thread: any. Cost: a comparison.
  static void must_be(const room_context& room, const char* call) {
    if (current_ != &room)
      refuse(call);
  }

private:
  [[noreturn]] static void refuse(const char* call);

  static inline constinit thread_local const room_context* current_ = nullptr;
  const room_context* before_;
};

} // namespace troupe::actors
