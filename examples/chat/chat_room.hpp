#pragma once

#include <troupe/actors/room_behavior.hpp>

#include <string>
#include <unordered_map>

namespace troupe::examples {

/// The chat of the `ws` tutorial, in a room.
///
/// Takes: `setUsername` {username}, `chat` {text} and `typing`; refuses others as `unknown_type`.
/// Relays `message` like any room.
///
/// Sends: `system` {message} to all when somebody enters, leaves or changes the name; `info`
/// {userCount} to the member who enters; `chat` {username, message, timestamp} to all; `typing`
/// {username} to all others.
///
/// More for troupe.v1: `system` also has `event` (joined, left, renamed), `username`, `oldName` and
/// `userId`; `chat` and `typing` have `userId`; `roster` {members, userCount} goes to the member
/// who enters, `userRenamed` to all.
///
/// Names: the `name` of the join's `profile`, else the token's `username`, `name` or
/// `preferred_username`, else `User` and four characters that follow from the user's id. Each room
/// has its own names.
class chat_room final : public actors::room_behavior {
public:
  chat_room();

  actors::join_decision authorize_join(actors::room_context& room,
                                       const actors::member& candidate) override;
  void on_join(actors::room_context& room, const actors::member& who) override;
  bool on_profile(actors::room_context& room, const actors::member& who,
                  const protocol::document_view& profile) override;
  void on_return(actors::room_context& room, const actors::member& now,
                 const actors::member& former) override;
  void on_leave(actors::room_context& room, const actors::member& who,
                actors::leave_reason reason) override;

private:
  struct person {
    std::string user_id;
    std::string name;
  };

  void rename(actors::room_context& room, const actors::member& who,
              const actors::application_message& command);
  void say(actors::room_context& room, const actors::member& who,
           const actors::application_message& command);
  void tell_typing(actors::room_context& room, const actors::member& who);
  void send_roster(actors::room_context& room, const actors::member& to) const;

  std::unordered_map<actors::session_key, person> people_;
};

} // namespace troupe::examples
