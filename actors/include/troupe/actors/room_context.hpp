#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/metadata.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// One member of a room, as its behaviour sees it. `key` names the membership's session.
struct member {
  session_key key;
  /// From its claims, else the connection's own; several members may share one.
  std::string user_id;
  protocol::encoding encoding = protocol::encoding::plain_json;
  std::string profile;         ///< the latest: raw map in `codec_of(encoding)`, empty if none
  bool automatic = false;      ///< put here by the node (the lobby), not by a `join`
  claims_ptr claims = nullptr; ///< the latest that its client has brought; null: none
  /// Its connection is lost, and its seat is kept (`room_options::keep_seat`). What is sent to it
  /// reaches nobody.
  bool away = false;
  /// Of the candidate of `authorize_join`: its session was in the room before it lost its
  /// connection, or it takes the place of a member that is still here.
  bool returning = false;
};

/// Why a member has left its room. The numbers do not change.
enum class leave_reason : std::uint8_t {
  left = 0,
  disconnected = 1,
  kicked = 2,
  closed = 3,
  forbidden = 4, ///< its new claims do not admit it to the room
};
/// The text that clients get in `userLeft` and `left`.
[[nodiscard]] std::string_view to_string(leave_reason reason) noexcept;

/// A message to a room's members. Fields must live until the call returns.
///
/// A call that takes it throws `std::invalid_argument`, and nobody gets anything, if one of these
/// holds:
/// - `type` is not an application's: it is built in, empty, longer than 128 bytes, has control
///   characters or starts with `$`;
/// - a `raw_value` is not one whole value in its codec;
/// - a field has a name that the server sets (`type`, `roomId`, `seq`, `ref`), that another field
///   of `fields` or `v1_fields` has, or that no field can have (`__proto__`, `$bin`, invalid
///   UTF-8): clients would read such a frame differently.
///
/// Fields without a name, or with an empty `raw_value`, are left out; there may be several. What a
/// behaviour passes on from the message at hand (its type, raw values of its fields) is not checked
/// again. Names of fields always are, without an allocation for up to 16. What JSON cannot express
/// is approximated: a number that is not finite becomes null, bytes that are not UTF-8 become
/// U+FFFD.
struct broadcast_event {
  std::string_view type{};
  std::vector<protocol::field> fields{};    ///< for everybody
  std::vector<protocol::field> v1_fields{}; ///< after `fields`, for troupe.v1 clients only
  bool plain = true;                        ///< whether clients without subprotocol get it
  bool stored = true;                       ///< whether it gets a `seq` and is kept in the history
  /// A member that is behind, and does not take what it is sent, does not get it; then it is not
  /// stored either. For what is soon out of date, such as positions.
  bool is_volatile = false;
  /// As `is_volatile`, which it goes before; but a member that is behind gets the last one of each
  /// `key` once it has taken what waits for it: one that waits gives way to a newer one, whatever
  /// the types of both.
  bool is_latest = false;
  std::string_view key{}; ///< of `is_latest`; nobody gets to see it

  /// Whether it is for this moment only.
  [[nodiscard]] bool is_passing() const noexcept { return is_volatile || is_latest; }
};

/// A client's message of an application type. Views live until the handler returns.
struct application_message {
  std::string_view type;
  protocol::document_view fields;
};

/// What has become of a request, valid while its handler runs.
struct request_result {
  /// The member that was asked; if its client has come back meanwhile, the session that it has now.
  /// Nobody if there was nobody to ask.
  session_key who;
  /// `ok`, or why there is no answer: `timed_out`; `not_joined`: it is no member, or has left;
  /// `unsupported`: a client without subprotocol cannot be asked; `overloaded`: too many requests
  /// are open (`room_limits`); `room_closed`: the room has ended.
  protocol::errc code = protocol::errc::ok;
  /// The `data` that its client has answered with, whatever value that is: `data.bytes()` is all of
  /// it, and a map has fields. Nobody has checked more than that it is a legal payload.
  protocol::document_view data{protocol::codec::json, {}};
};

class room_context;

/// Hears what has become of a request, as a hook of the room.
using request_handler = std::function<void(room_context&, const request_result&)>;

/// What a behaviour may do, valid while one of its hooks runs. Thread: the room's loop.
class room_context {
public:
  virtual ~room_context() = default;

  /// Orders the event, stores it and sends it to all members.
  virtual void broadcast(const broadcast_event& event) = 0;
  /// The same for all but `member`; for all if `member` is not in the room.
  virtual void broadcast_except(session_key member, const broadcast_event& event) = 0;
  /// Sends to one member, after what the room has said before; carries no `seq`. Until the member's
  /// dispatcher has it, it is charged to the command being handled, else to the room (`pressure`).
  /// What a lost connection causes is charged to nobody. `stored`, `is_volatile`, `is_latest` and
  /// `key` mean nothing here.
  virtual void send_to(session_key member, const broadcast_event& event) = 0;
  /// Asks a member: its client gets `$request` with these fields as `data`, and answers by
  /// `$reply`. `then` runs once, as a hook of its own (so never within this call), with the answer
  /// or the reason why there is none. Its output is charged to the `$reply`, else to the room; what
  /// a member's leave causes is charged to nobody. There `refuse` answers the `$reply`, and the
  /// request is over all the same.
  ///
  /// The request is open until it is answered, until `limit` is over (in steps of 10 ms) or until
  /// the member has left, for whatever reason; then `then` runs after `on_leave`. A member that is
  /// `away` is asked when it is back. A client that comes back to its place is asked again what it
  /// has not answered yet. If the room ends, `then` runs after `on_leave` for its last member, also
  /// in a crash. Within those last hooks themselves this does nothing, and `then` never runs.
  ///
  /// The frame is charged as by `send_to`. Throws `std::invalid_argument` for an empty `then`, a
  /// `limit` that is not from 1 ms to 24 h, a `raw_value` that is not one whole value, and a field
  /// that is there twice or has a name that no field can have; `type`, `seq` and the like are
  /// allowed. Fields without a name are left out.
  virtual void ask(session_key member, const std::vector<protocol::field>& data,
                   std::chrono::milliseconds limit, request_handler then) = 0;
  /// Removes a member; it gets `left` with reason `kicked`.
  virtual void kick(session_key member, std::string_view message = {}) = 0;
  /// Ends the room after the current hook, which may still say something; members get `roomClosed`
  /// with reason `ended`. Commands that the room has not handled are answered by `room_closed`; a
  /// client that is about to enter enters the room's successor.
  virtual void end() = 0;

  /// Answers the current command with `error`. For `on_publish`, `on_message`, `on_binary`,
  /// `on_profile` and handlers of requests that were answered; elsewhere it does nothing. Codes: as
  /// for `join_decision::refuse`.
  virtual void refuse(protocol::errc code, std::string_view detail = {}) = 0;

  /// The room's name.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The member of that session; null if there is none. It stays valid until the hook returns.
  [[nodiscard]] virtual const member* find(session_key key) const = 0;
  /// Counts the members, without server-side ones. In `on_join` the new member counts; in
  /// `on_leave` the old one does not.
  [[nodiscard]] virtual std::size_t member_count() const = 0;
  /// Calls `f` for each member, in no order. `f` may kick, and may still be called with a member
  /// that it has kicked. Cost: linear, one allocation.
  virtual void for_each_member(const std::function<void(const member&)>& f) const = 0;
  /// The wall-clock time, from the node's clock.
  [[nodiscard]] virtual wall_time now() const = 0;
  /// The room's own output that is not yet sent, relative to its bound: 1 is full; at 8 the room
  /// ends. See `room_behavior::on_pressure`.
  [[nodiscard]] virtual double pressure() const = 0;

  /// What the room tells those who look for a seat (`node::reserve`, `node::list`), in place of
  /// what it has told before: `room.set_metadata({{"mode", "duel"}, {"level", 3}})` throws as the
  /// constructor of `metadata`. The matchmaker hears of it within 110 ms, and before it gives a
  /// seat away.
  virtual void set_metadata(protocol::metadata all) = 0;
  /// At first what the wish has named that the room was made for, else nothing. The reference is
  /// valid until the next `set_metadata`.
  [[nodiscard]] virtual const protocol::metadata& metadata() const = 0;
  /// In a locked room nobody new gets a seat: no wish finds it, and joins are refused with
  /// `forbidden`. Who has a held seat comes in, and who comes back.
  virtual void set_locked(bool locked) = 0;
  [[nodiscard]] virtual bool is_locked() const = 0;

  /// The same three calls, with the same fields for all clients; broadcasts are stored.
  void broadcast(std::string_view type, protocol::field_list fields) {
    broadcast({type, fields, {}, true, true});
  }
  void broadcast_except(session_key who, std::string_view type, protocol::field_list fields) {
    broadcast_except(who, {type, fields, {}, true, true});
  }
  void send_to(session_key who, std::string_view type, protocol::field_list fields) {
    send_to(who, {type, fields, {}, true, false});
  }
};

} // namespace troupe::actors
