#pragma once

#include "messages/owned_event.hpp"

#include <troupe/actors/room_context.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace troupe::actors {

/// A function that somebody outside has posted to a room. Whoever runs it takes it out.
struct posted_function {
  std::function<void(room_context&)> f;
};

/// What somebody outside says to all sessions of a user in a room.
struct event_for_user {
  event_for_user(std::string_view user, const broadcast_event& e) : user_id(user), event(e) {}
  std::string user_id;
  owned_event event;
};

/// A user that somebody outside throws out of a room, with all its sessions.
struct kick_of_user {
  std::string user_id;
  std::string message; ///< may be empty
};

/// What a room does for somebody outside. Thread: one at a time.
using outside_work = std::variant<posted_function, event_for_user, kick_of_user>;

} // namespace troupe::actors
