#pragma once

#include <troupe/actors/room_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// Answer of a publish from outside.
enum class publish_result : std::uint8_t { accepted, overloaded, gone };

/// Hears what has become of a request from outside. An exception out of it is logged, and ends
/// nothing.
using outside_request_handler = std::function<void(const request_result&)>;

/// Names a room from any thread, also after the node's end.
///
/// What is asked of a room by its handles happens on the room's loop, in the order in which one
/// thread has asked it. `accepted` says that it is on its way. If there is no such room by then, or
/// it ends, nothing happens, and that is counted (`troupe_dropped_total`, `no_such_room`): no
/// handle makes a room. Together all handles of a room may have as much under way as
/// `room_limits::max_pending_bytes` and `room_limits::max_outside_calls` allow.
class room_handle {
public:
  /// Broadcasts `event` as the room's own output. Thread: any. `overloaded`: nothing was sent,
  /// because as much is under way from outside as may be. `gone`: nothing was sent, and nothing
  /// will be: the node ends or has ended, no room can have that name, or the handle is
  /// default-constructed.
  publish_result publish(const broadcast_event& event) const;
  /// The same with fields for all clients; stored.
  publish_result publish(std::string_view type, protocol::field_list fields) const {
    return publish({type, fields, {}, true, true});
  }
  /// The same with nested values, as `room_context::broadcast`. `fill` runs within the call, once
  /// for each of the two codecs, whoever is in the room; not if the result is `overloaded` or
  /// `gone`.
  publish_result publish(const broadcast_event& event, protocol::object_fill fill) const;
  publish_result publish(std::string_view type, protocol::object_fill fill) const {
    return publish(broadcast_event{type}, fill);
  }

  /// Asks a user of the room, as `room_context::ask`: of its sessions the one that joined last, of
  /// those that can be asked and are not away, if there is such a one. `then` runs once, on the
  /// room's loop, if this returns `accepted`. If there is no such room, or none of the user's
  /// sessions is in it, it hears `not_joined`. Throws as `room_context::ask` does. `overloaded`,
  /// `gone`: as for `publish`; then nobody is asked, and `then` does not run. Thread: any.
  publish_result ask(std::string_view user_id, const std::vector<protocol::field>& data,
                     std::chrono::milliseconds limit, outside_request_handler then) const;

  /// Runs `f` as a hook of the room, so it may do all that a hook may, and an exception out of it
  /// goes to `room_behavior::on_error`. What it says counts as the room's own output
  /// (`room_context::pressure`); it is under way until that has begun to leave. `f` runs at most
  /// once; then it is destroyed there, else on whichever thread. Throws `std::invalid_argument` for
  /// an empty `f`. `overloaded`, `gone`: as for `publish`. Thread: any.
  publish_result post(std::function<void(room_context&)> f) const;

  /// Sends `event` to all sessions of a user in the room, as `room_context::send_to`; reaches
  /// nobody if there are none. Throws as that does. `overloaded`, `gone`: as for `publish`. Thread:
  /// any.
  publish_result send_to_user(std::string_view user_id, const broadcast_event& event) const;
  /// The same with fields for all clients.
  publish_result send_to_user(std::string_view user_id, std::string_view type,
                              protocol::field_list fields) const {
    return send_to_user(user_id, {type, fields, {}, true, false});
  }

  /// Throws all sessions of a user out of the room, as `room_context::kick`; does nothing if there
  /// are none. The user may join again. `overloaded`, `gone`: as for `publish`. Thread: any.
  publish_result kick(std::string_view user_id, std::string_view message = {}) const;

  /// Ends the room, if there is one, after what it was sent before; members get `roomClosed` with
  /// reason `ended`. Use it for a room with `keep_when_empty`. `gone`: as for `publish`. Thread:
  /// any.
  publish_result end() const;

private:
  friend class node;
  struct state;
  template <class MakeEvent>
  publish_result hand_over(MakeEvent&& make_event) const;
  std::shared_ptr<const state> state_;
};

} // namespace troupe::actors
