#pragma once

#include "messages/messages.hpp"

#include <troupe/actors/credit.hpp>
#include <troupe/actors/session_table.hpp>

#include <utility>

namespace troupe::actors {

/// What the dispatcher knows of a session's connection actor.
class actor_owner final : public session_owner {
public:
  /// `account` lives while the session is open, as this does.
  actor_owner(connection_actor handle, const credit_account* account)
    : handle_(std::move(handle)), account_(account) {}
  [[nodiscard]] bool has_handled_all() const noexcept { return account_->held_messages() == 0; }
  void room_closed(room_key room) override { compat::anon_send(handle_, membership_lost{room}); }
  void end() { compat::anon_send(handle_, session_closed{}); }
  void goodbye(bool restart) override { compat::anon_send(handle_, say_goodbye{restart}); }
  void give_up() noexcept override { compat::kill(handle_); }

private:
  connection_actor handle_;
  const credit_account* account_;
};

} // namespace troupe::actors
