#pragma once

#include "room/room_core.hpp"
#include "room/running_room.hpp"

#include <troupe/protocol/frame.hpp>

#include <cstddef>
#include <utility>

// What the sources of `room_core` have in common.
namespace troupe::actors {

using protocol::encoding;
using protocol::errc;
using protocol::index_of;

/// What is said of a request's handler that has thrown.
inline constexpr auto handler_of_request = "a request's handler";

/// Marks that a command is being handled, and who pays for the output meanwhile. Hooks run within
/// one, and may use the room only there. Members that leave stay in memory until it ends.
struct room_core::command_scope {
  command_scope(room_core& r, payer who, const credit& token = {}, session_key commander = {})
    : room(r), running(r) {
    room.payer_ = who;
    room.current_token_ = token;
    room.commander_ = commander;
  }
  command_scope(const command_scope&) = delete;
  command_scope& operator=(const command_scope&) = delete;
  ~command_scope() {
    room.payer_ = payer::room;
    room.current_token_ = {};
    room.current_ = nullptr;
    room.growth_.is_counted = false;
    room.departed_.clear();
  }
  room_core& room;
  running_room running;
};

/// The frames that `make(encoding)` makes, one for each encoding in use: built once, deflated at
/// most once.
template <class Make>
frame_set room_core::frames_by(Make&& make) const {
  frame_set frames;
  for (std::size_t i = 0; i < protocol::plain_encoding_count; ++i)
    if (auto plain = static_cast<encoding>(i); in_use(plain) || in_use(deflated(plain)))
      put(make(plain), plain, frames);
  return frames;
}

/// The same with `make(encoding, meter)`; `event`: the frame that the history keeps, one of those
/// if it can, else made for it. It is empty if no history is kept.
template <class Make>
frame_set room_core::stored_frames_by(Make&& make, protocol::shared_bytes& event) const {
  frame_set frames;
  for (std::size_t i = 0; i < protocol::plain_encoding_count; ++i) {
    auto plain = static_cast<encoding>(i);
    if (!in_use(plain) && !in_use(deflated(plain)))
      continue;
    auto is_kept = history_.is_on() && !event && !is_plain(plain);
    auto frame = make(plain, is_kept ? history_.meter() : config_.meter);
    if (is_kept)
      event = frame;
    put(std::move(frame), plain, frames);
  }
  if (history_.is_on() && !event)
    event = make(encoding::v1_json, history_.meter());
  return frames;
}

} // namespace troupe::actors
