#pragma once

#include "context/node_context.hpp"
#include "node/claim_line.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace troupe::actors {

/// The actor around a loop's session directory: gives sessions to the connections that claim them,
/// one after the other for each name.
///
/// A session is never lost on its way: if the connection that claims it has ended meanwhile, it is
/// kept again. Its handlers let no exception out; a connection that cannot be answered is closed
/// (1011).
class directory_service final : public compat::pinned<directory_actor::base> {
public:
  directory_service(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                    loop_unit& unit);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.directory"; }

private:
  template <class F, class GiveUp>
  void guard(F&& f, GiveUp&& give_up) noexcept;
  void claim(session_claim asked);
  void serve_next(session_key key);
  void done(session_key key) noexcept;
  void deliver(session_key key, const session_answer& answer);
  void keep_again(const session_name& name, const session_answer& answer);
  void leave_seats(const session_record& gone);
  void say(const direct_call& asked);
  void note_late(const direct_call& asked);
  void pass_on(session_key key, const connection_actor& to);
  void ask(const connection_actor& to, const direct_call& asked);
  void keep(const direct_call& asked);
  void keep(session_record& record, const direct_call& asked);
  void serve(const user_call& asked);
  void drop_sessions(const std::string& user);
  caf::result<session_answer> take(const take_session& asked);
  /// Finds the session at `place` and calls `then(session_answer)`, now or later.
  template <class Then>
  void fetch(session_key key, session_directory::place place, const std::string& user_id,
             Then then);
  void release_state() override;

  node_context& shared_;
  loop_unit& unit_;
  std::unordered_map<session_key, claim_line> claims_; ///< by the name of the session
};

} // namespace troupe::actors
