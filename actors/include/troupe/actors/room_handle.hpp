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

/// Names a room from any thread, also after the node's end. Publishing to a room that does not
/// exist is a counted no-op.
class room_handle {
public:
  /// Broadcasts `event` as the room's own output. Thread: any. `overloaded`: nothing was sent,
  /// because the room's output is at its bound. `gone`: nothing was sent, and nothing will be: the
  /// node ends or has ended, no room can have that name, or the handle is default-constructed.
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
