#pragma once

#include "room/room_core.hpp"
#include "room/running_room.hpp"

#include <troupe/protocol/frame.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
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

/// Runs a hook, which is about that member (null: about none). Returns whether it has returned;
/// false: it has thrown, and the room goes on. If the room does not, what it has thrown leaves
/// this.
template <class F>
bool room_core::run_hook(const char* name, const member* about, F&& f) {
  hook_ = name;
  auto is_done = true;
  try {
    f();
  } catch (const std::bad_alloc&) {
    throw; // the room itself may have been half-way through something
  } catch (...) {
    is_done = false;
    if (!goes_on(about))
      throw;
  }
  hook_ = nullptr;
  return is_done;
}

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

/// Says something of the behaviour's, of which `make(encoding, seq, meter)` makes a frame (`seq`:
/// none if it is not stored). `how`: how it is meant; its type and its fields do not matter.
template <class Make>
void room_core::say_by(Make&& make, const broadcast_event& how, const exclusion& except) {
  if (ended_)
    return;
  if (!how.stored || how.is_passing()) {
    auto frames =
      frames_by([&](encoding e) { return make(e, std::optional<std::uint64_t>{}, config_.meter); });
    return send_frames(std::move(frames), except.one, std::nullopt, passing::yes, fate_of(how),
                       except.others);
  }
  auto seq = seq_ + 1;
  protocol::shared_bytes kept;
  auto frames = stored_frames_by(
    [&](encoding e, protocol::memory_meter* meter) { return make(e, std::optional{seq}, meter); },
    kept);
  auto several = clients_of(except);
  auto one = except.one ? members_.find(except.one) : members_.end();
  seq_ = seq; // not before: if the above throws, the behaviour may go on
  send_frames(std::move(frames), except.one,
              stored_event{seq, std::move(kept),
                           one == members_.end() ? client_id{} : one->second.client, several},
              passing::no, if_behind::queue, except.others);
}

} // namespace troupe::actors
