#pragma once

#include "connection/connection_core.hpp"
#include "context/pulse.hpp"
#include "context/node_context.hpp"
#include "context/wall_deadline.hpp"
#include "runtime/owed_answer.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The actor of one client connection: hands messages to its core, sends what the core decides, and
/// keeps the peer's heartbeat.
class connection final : public compat::dispatched_base<connection_actor, inbound>::type,
                         public connection_output {
public:
  connection(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
             loop_unit& unit, connection_core::config config);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.connection"; }

private:
  void handle(inbound& message) override;
  void handle(join_answer& answer) override;
  void handle(heartbeat&) override;
  void say_farewell() override;
  void release_state() override;
  /// Wakes it when no command has come in time.
  struct lobby_timer final : timer_wheel::entry {
    explicit lobby_timer(connection& c) : owner(c) {}
    void on_deadline() override;
    connection& owner;
  };

  void end_input();
  void note_end(std::uint16_t code, std::string_view error);
  void end_if_finished();
  caf::result<session_answer> give(const hand_over& asked);
  void give_if_ready();

  // -- connection_output --------------------------------------------------------------------------
  void reply(const protocol::shared_bytes& frame) override;
  void tell(const protocol::shared_bytes& frame) override;
  void reply_behind_rooms(protocol::shared_bytes frame) override;
  void close(protocol::errc why) override;
  void end_behind_rooms(std::vector<room_key> rooms, protocol::shared_bytes frame,
                        protocol::errc why) override;
  void await_handled(const room_actor& room, std::uint32_t ticket) override;
  void enter(const std::string& room, room_entry entry) override;
  void publish(const room_actor& room, room_input input) override;
  void leave(const room_actor& room, leave_request request) override;
  void ask(const room_actor& room, presence_request request) override;
  void ask(const room_actor& room, history_request request) override;
  void renew(const room_actor& room, claims_renewed message) override;
  void claim(session_claim claim) override;
  void await_lobby(std::chrono::milliseconds time) override;
  void forget_name(session_key key) override;
  void drop(room_key room) override;
  void release(std::vector<room_key> rooms) override;
  void say_direct(direct_ptr what, std::uint32_t ticket, credit token) override;
  protocol::errc reserve(reservation_request wanted, std::string ref, credit token) override;
  void list_as(std::string_view user) override;
  void expire_at(std::optional<wall_time> when) override;
  std::size_t queued_bytes() const override;
  actors::steady_time now() const override { return unit_.loop->now(); }
  wall_time wall_now() const override { return unit_.loop->wall_now(); }

  node_context& shared_;
  loop_unit& unit_;
  session_key key_;
  std::uint64_t opened_; ///< how many connections with a session were opened before it
  counted_client counted_;
  pulse pulse_;
  std::unique_ptr<wall_deadline> expiry_; ///< of its token; most have none
  user_connections::listing listing_;     ///< by its user, who is in the core
  std::optional<connection_core> core_;   ///< in place: what each message touches is one allocation
  bool has_closed_ = false;               ///< its socket
  std::optional<bool> keeps_session_;     ///< once the end has begun
  std::unique_ptr<lobby_timer> lobby_;    ///< null: it waits for no first command
  /// Who wants its session, which it is still taking over itself.
  std::vector<std::pair<hand_over, compat::owed_answer<session_answer>>> wanted_;
};

} // namespace troupe::actors
