#pragma once

#include <troupe/actors/room_handle.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/object_writer.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace troupe::actors {

/// Names a user from any thread, also within a hook, and after the node's end: all sessions of that
/// user, those with a connection and those that are kept for their clients to come back. Without a
/// token a user is one session. Connections of raw endpoints are nobody's. What is done to a user
/// that is nowhere reaches nobody.
///
/// Results: `gone`: nothing was done: the node ends or has ended, or the handle is
/// default-constructed. Cost: a message for each loop of the node, and one for each connection of
/// the user. Thread: any.
class user_handle {
public:
  /// Says something to all sessions, as a `direct` without `userId`: a text, or `data` that is a
  /// map of these fields. Sessions whose client has lost its connection get it once it is back
  /// (`resume`). `overloaded`: what was said before has still to reach as much as it may
  /// (`room_limits::max_pending_bytes`, for all users together). Throws `std::invalid_argument`,
  /// and nobody gets anything, if a field has a name that none can have (`__proto__`, `$bin`,
  /// invalid UTF-8) or that another one has, a raw value is not one whole value, or all of it
  /// exceeds 64 KiB.
  publish_result send(std::string_view text) const;
  publish_result send(std::span<const protocol::field> data) const;
  publish_result send(protocol::field_list data) const {
    return send(std::span{data.begin(), data.size()});
  }
  /// The same with nested values: `fill(object_writer&)` writes the `data`, once, within the call.
  /// If it throws, nobody gets anything.
  publish_result send(protocol::object_fill fill) const;

  /// Closes all connections (1008 `disconnected`), and ends all sessions: nobody comes back to
  /// them.
  publish_result disconnect() const;
  /// Ends the sessions that are kept; connections stay.
  publish_result drop_kept_sessions() const;

  /// What of a user is here.
  struct presence {
    std::size_t connections = 0;
    std::size_t kept_sessions = 0;

    [[nodiscard]] bool is_online() const noexcept { return connections > 0; }
  };
  /// Asks for that; `told` is called once, on a thread of the node, or on the calling one before
  /// this returns, or if the node ends meanwhile on the one that ends it. It must not throw or
  /// block, nor touch a behaviour. After `gone` it is not called.
  publish_result count(std::function<void(presence)> told) const;

private:
  friend class node;
  struct state;
  std::shared_ptr<const state> state_;
};

} // namespace troupe::actors
