#pragma once

#include "connection/resuming.hpp"
#include "connection/sent_directs.hpp"
#include "messages/messages.hpp"
#include "model/client_id.hpp"
#include "model/counted_bytes.hpp"

#include <troupe/actors/clock.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/seeded_hash.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/token_bucket.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::actors {

/// What a connection's core asks its actor to do.
class connection_output {
public:
  virtual ~connection_output() = default;
  /// Sends to the client at the end of the turn.
  virtual void reply(const protocol::shared_bytes& frame) = 0;
  /// The same for what counts in what may be queued for the client, and may be cut.
  virtual void tell(const protocol::shared_bytes& frame) = 0;
  /// The same, behind all that its rooms have said to it so far.
  virtual void reply_behind_rooms(protocol::shared_bytes frame) = 0;
  virtual void close(protocol::errc why) = 0;
  /// Sends the last frame, which may be empty, behind all that these rooms have said to the client
  /// so far. Then closes.
  virtual void end_behind_rooms(std::vector<room_key> rooms, protocol::shared_bytes frame,
                                protocol::errc why) = 0;
  /// Asks a room; `on_handled` follows once the room has handled all that was sent to it, or has
  /// ended. `ticket` names the pending join.
  virtual void await_handled(const room_actor& room, std::uint32_t ticket) = 0;
  /// Sends to the registry; `on_joined` follows a join.
  virtual void enter(const std::string& room, room_entry entry) = 0;
  virtual void publish(const room_actor& room, room_input input) = 0;
  virtual void leave(const room_actor& room, leave_request request) = 0;
  virtual void ask(const room_actor& room, presence_request request) = 0;
  virtual void ask(const room_actor& room, history_request request) = 0;
  /// Tells a room the new claims of a client that stays a member.
  virtual void renew(const room_actor& room, claims_renewed message) = 0;
  /// Asks for a session; `on_session` follows.
  virtual void claim(session_claim claim) = 0;
  /// Asks for `on_lobby_due` after that time.
  virtual void await_lobby(std::chrono::milliseconds time) = 0;
  /// That name of the session is not to be valid any more.
  virtual void forget_name(session_key key) = 0;
  /// The client hears no more of that room, whatever it says; `on_dropped` follows.
  virtual void drop(room_key room) = 0;
  /// The session has been told that it is back in these rooms: it gets what they have for it.
  virtual void release(std::vector<room_key> rooms) = 0;
  /// Says that to all sessions of its user; `on_direct_answer` follows.
  virtual void say_direct(direct_ptr what, std::uint32_t ticket, credit token) = 0;
  /// Asks the matchmaker of that pattern; `on_reserved` follows if this returns `ok`. `forbidden`:
  /// clients may not; `overloaded`.
  [[nodiscard]] virtual protocol::errc reserve(reservation_request wanted, std::string ref,
                                               credit token) = 0;
  /// Directs to that user reach this connection from now on; those to another one do no more.
  /// Empty: none do. The text lives on until the next call.
  virtual void list_as(std::string_view user) = 0;
  /// Closes the connection at that time; absent: never.
  virtual void expire_at(std::optional<wall_time> when) = 0;
  /// What is queued for the client.
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
  [[nodiscard]] virtual steady_time now() const = 0;
  [[nodiscard]] virtual wall_time wall_now() const = 0;
};

/// What a connection decides: which commands run, wait or are refused, and which rooms are held.
///
/// Commands take effect in the order of arrival; those for a room whose join is pending (or for the
/// default room while any join is) wait and hold their credit, which bounds them.
///
/// A connection has a session, which its client may take over by another connection (`resume`). The
/// one that takes it over asks the rooms to put its own member in the place of the former one. Who
/// has the record of a session has the duty to end the memberships that it names.
///
/// Invariants: a room is in `rooms_` at most once; a waiting command is never overtaken by a later
/// one for the same room; every `ref` is answered once, by a room, by a dispatcher or here. Thread:
/// the loop's.
class connection_core {
public:
  struct config {
    session_key key;
    protocol::encoding encoding = protocol::encoding::plain_json;
    std::string user_id;
    bool is_known = false; ///< the user, to whoever has let the client in
    claims_ptr claims;
    std::optional<session_secret> secret;           ///< none: no session is kept
    std::uint64_t address = 0;                      ///< as `connection_info::address`
    bool may_resume = false;                        ///< likewise
    bool is_bot = false;                            ///< likewise
    std::size_t loops = 1;                          ///< of the node
    std::shared_ptr<const token_check> check_token; ///< null: the node's `verify_token`
    const node_options* options = nullptr;
    protocol::memory_meter* meter = nullptr;
    protocol::memory_meter* profiles = nullptr; ///< counts those of all connections
    direct_budget* directs = nullptr;           ///< of all connections
    hash_key hash;                              ///< the node's
    /// Of what waits while the client catches up. The number leaves room for those who come back at
    /// once with this client: each of them is a small frame in each room.
    credit_limits replay_limits{16 * 1024, 1024 * 1024};
  };

  connection_core(config c, connection_output& output);

  /// Says welcome and enters the lobby, at once or with the first command.
  void open();
  /// No command has come in time.
  void on_lobby_due();

  void on_message(inbound message);
  /// `in_full`: the room has handled all that it was sent; else it ended before that.
  void on_handled(std::uint32_t ticket, bool in_full);
  void on_joined(const join_answer& answer);
  void on_membership_lost(const membership_lost& lost);
  void on_session(const session_answer& answer);
  /// The client will hear no more of its lobby.
  void on_dropped();
  /// Somebody says something to the user. Returns whether this client will get it.
  [[nodiscard]] protocol::errc on_direct(const direct_ptr& what);
  /// What has become of a direct of the client's own.
  void on_direct_answer(std::uint32_t ticket, protocol::errc code);
  /// What has become of a `$reserve`.
  void on_reserved(const reserve_answer& answer);
  void say_goodbye(bool restart);
  /// The token has expired and was not refreshed (`token_expired`), or the application ends the
  /// session (`disconnected`).
  void end(protocol::errc why);

  /// Nothing more comes; what the client said before still takes effect, in order, also behind a
  /// pending join.
  void end_input() { input_ended_ = true; }
  /// Whether nothing is left to do once nothing more comes: time for `leave_all`.
  [[nodiscard]] bool finished() const;

  /// Leaves all rooms; nothing follows. `may_return`: the session is kept.
  void leave_all(leave_reason reason, bool may_return = false);

  /// Whether the session cannot be handed over yet: it waits for the rooms of the one that it
  /// resumes, or for the fate of directs, whose ids belong to the session.
  [[nodiscard]] bool is_moving() const noexcept {
    return (resuming_ && (resuming_->has_found() || resuming_->is_returning()))
        || has_open_directs();
  }
  /// While the session cannot be handed over yet: takes no more commands if it will be, so that the
  /// moment comes.
  void await_hand_over(std::string_view user_id);
  /// Gives the session to another connection, with its memberships; this one closes (`replaced`).
  /// `user_id`: whose it must be; empty: anybody's. While this connection claims another session it
  /// gives its own to nobody, and says so at once: two that claim each other's would wait for ever.
  [[nodiscard]] session_answer hand_over(std::string_view user_id);
  /// The session ends with this connection, whoever wants it.
  void end_session() noexcept { has_session_ = false; }
  /// What is to be kept once all rooms have been left; null: the session has ended. Once.
  [[nodiscard]] std::shared_ptr<session_record> take_record();

  [[nodiscard]] std::size_t rooms() const noexcept { return rooms_.size(); }

private:
  /// How long a connection that may resume a session waits for its first command.
  static constexpr std::chrono::seconds longest_wait_for_resume{1};

  enum class phase : std::uint8_t {
    waiting, ///< until the previous room has handled what it was sent
    entering,
    held,
  };

  struct held_room {
    std::string name;
    phase state = phase::waiting;
    /// Already joined; a second join may be pending (`state`).
    bool member = false;
    bool has_since = false;      ///< the pending join brings what the client has missed
    std::uint32_t ticket = 0;    ///< of the pending join
    std::uint64_t asked_at = 0;  ///< when the pending join came in: see `arrived_`
    std::uint64_t joined_at = 0; ///< likewise, of the latest successful one
    room_actor handle;
    room_key key;
    member_place place = 0;                ///< of its membership
    std::unique_ptr<join_request> request; ///< while it waits
    open_ref_ptr ref;                      ///< of the pending join
    credit token;                          ///< likewise
    counted_bytes profile_bytes;           ///< which the room keeps with the membership, or more
  };

  /// A room that was sent something and is not held any more.
  struct room_before {
    room_key key;
    room_actor handle;
  };

  struct waiting_command {
    inbound message;
    std::optional<std::string> room; ///< none: the default room, whichever that will be
    std::uint64_t arrived = 0;
  };

  struct tracked_ref {
    room_key room;
    open_ref_ptr ref;
  };

  // -- taking commands in -------------------------------------------------------------------------
  bool within_rate();
  void refuse_by_rate(const inbound& message);
  void run_or_wait(inbound message);
  void run_waiting();
  void run(const protocol::command& c, const inbound& message);
  void run_binary(const inbound& message);
  [[nodiscard]] bool must_wait(const std::optional<std::string>& room) const;

  // -- commands -----------------------------------------------------------------------------------
  void join(const protocol::command& c, const inbound& message);
  [[nodiscard]] std::shared_ptr<const replay_start> replay_start_for(const protocol::command& c);
  [[nodiscard]] const std::shared_ptr<credit_account>& replay_account();
  void start_join(std::string name, join_request request);
  void enter(held_room& room);
  void note_left(const held_room& room);
  void leave(const protocol::command& c, const inbound& message);
  void publish(const protocol::command& c, const inbound& message);
  void application(const protocol::command& c, const inbound& message);
  void ask_presence(const protocol::command& c, const inbound& message);
  void ask_history(const protocol::command& c, const inbound& message);
  void change_profile(const protocol::command& c, const inbound& message);
  void reserve(const protocol::command& c, const inbound& message);
  void direct(const protocol::command& c, const inbound& message);
  [[nodiscard]] protocol::errc check_direct(std::string_view to) const;
  [[nodiscard]] direct_ptr direct_of(const protocol::command& c, std::string to) const;
  void answer_direct(std::string_view ref, protocol::errc code, bool is_repeat);
  void tell_directs();
  void adopt_directs(const session_record& session);
  void give_directs(session_record& record);
  [[nodiscard]] bool has_open_directs() const noexcept { return sent_ && !sent_->is_empty(); }
  void note_first_command();
  void answer_request(const protocol::command& c, const inbound& message);
  void pong(const protocol::command& c);
  void authenticate(const protocol::command& c, const credit& token);
  void enter_lobby();
  void resume(const protocol::command& c, const inbound& message);
  /// Whether rooms are asked to take the session in.
  [[nodiscard]] bool is_returning() const noexcept {
    return resuming_ && resuming_->is_returning();
  }
  void leave_lobby();
  void give_session_up(const session_record& session);
  void adopt(const session_record& session);
  void join_again(const session_record& session, const session_record::room& room);
  void on_joined_again(held_room& room, const join_answer& answer);
  void leave_former(const std::string& room, session_key member, leave_reason reason);
  void lose(held_room& room, protocol::errc why);
  void end_resume_if_done();
  void note_command(const protocol::command& c);
  [[nodiscard]] token_decision check(std::string_view token) const;
  [[nodiscard]] bool is_same_user(const claims& fresh) const;
  [[nodiscard]] room_input input_for(const held_room& room, room_input::kind what) const;
  [[nodiscard]] held_room* target(const protocol::command& c);

  // -- rooms --------------------------------------------------------------------------------------
  [[nodiscard]] held_room* find(std::string_view name);
  [[nodiscard]] held_room* find_ticket(std::uint32_t ticket);
  [[nodiscard]] held_room* default_room();
  [[nodiscard]] std::size_t max_rooms() const noexcept {
    return is_plain(config_.encoding) ? 1 : config_.options->connections.max_rooms;
  }
  void forget(held_room& room);
  void count_profile(held_room& room, std::size_t bytes);
  [[nodiscard]] kept_profile_ptr keep_profile(held_room& room);
  [[nodiscard]] std::vector<const held_room*> memberships() const;
  [[nodiscard]] session_record record_of(const std::vector<const held_room*>& rooms) const;
  void hold(held_room& room, const join_answer& answer);
  void give_up(held_room& room, protocol::errc code, std::string_view detail);
  void leave_others(const std::string& name, const credit& token);
  void leave_forbidden(const credit& token);

  // -- answers ------------------------------------------------------------------------------------
  [[nodiscard]] open_ref_ptr open_ref_for(const protocol::command& c);
  void track(room_key room, const open_ref_ptr& ref);
  void refuse(const protocol::command& c, protocol::errc code, std::string_view detail = {});
  void send_error(protocol::errc code, std::string_view detail, std::string_view ref,
                  std::string_view request, std::string_view room,
                  std::optional<std::chrono::milliseconds> retry_after = {});
  void count_error(protocol::errc code);
  void close(protocol::errc why);

  /// Whether the server has closed: nothing more is taken in.
  [[nodiscard]] bool is_closing() const noexcept { return last_ != all; }

  config config_;
  connection_output& output_;
  client_id client_ = random_client_id();
  std::vector<held_room> rooms_;
  std::vector<waiting_command> waiting_;
  std::vector<tracked_ref> refs_;
  std::unique_ptr<resuming> resuming_;   ///< null: no `resume` is under way
  std::shared_ptr<session_record> left_; ///< what is to be kept, once all rooms have been left
  /// The name by which the session was taken over; valid until the first command behind that.
  session_key former_;
  std::uint64_t told_at_ = 0; ///< how many commands had come when the client was told `resumed`
  /// Of the taken-over session: members whose places are to be taken, or ended.
  session_key replaced_;
  std::shared_ptr<credit_account> replays_; ///< what waits while it catches up; null: it never has
  /// Of a client of one room: the room that it left last, which may still owe it answers.
  room_before before_;
  room_before awaited_;                              ///< whose answer a join waits for
  std::unique_ptr<std::vector<steady_time>> errors_; ///< of the window; most have none
  std::unique_ptr<sent_directs> sent_;               ///< null: it has sent none
  std::shared_ptr<direct_inbox> inbox_;              ///< null: it has got none
  std::uint64_t told_directs_ = 0;                   ///< up to which number the client has them
  /// Numbers the commands in order; a join that waits may reach its room later than the next one.
  std::uint64_t arrived_ = 0;
  std::uint64_t running_ = 0; ///< the number of the one that runs
  static constexpr std::uint64_t all = ~std::uint64_t{0};
  std::uint32_t next_ticket_ = 1;
  std::uint32_t claims_since_ = 0; ///< the first ticket whose join has the current claims
  std::uint32_t refused_by_rate_ = 0;
  /// The last command that takes effect. A close ends with the command that caused it: those before
  /// it may still wait for a join.
  std::uint64_t last_ = all;
  bool input_ended_ = false;
  bool has_commands_ = false;       ///< other than `ping`
  bool has_session_ = false;        ///< for another connection to take over
  bool lobby_waits_ = false;        ///< for the first command, which may be `resume`
  bool may_resume_ = false;         ///< its first command may be `resume`; directs wait for that
  protocol::token_bucket commands_; ///< how many may come now
  steady_time rate_told_{};
};

} // namespace troupe::actors
