#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/actors/clock.hpp>
#include <troupe/actors/room_time.hpp>
#include <troupe/actors/late_answer.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/metadata.hpp>
#include <troupe/protocol/object_writer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
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

/// Bytes to a room's members, which get them as those of a member's binary message, but without
/// `userId` (PROTOCOL.md, "Binary messages"). They must live until the call returns. The other
/// fields are as in `broadcast_event`.
struct binary_event {
  std::string_view bytes{};
  bool stored = true;
  bool is_volatile = false;
  bool is_latest = false;
  std::string_view key{};
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
  /// The `data` that its client has answered with, whatever value that is: `data.value()` is all of
  /// it, and a map has fields. Nobody has checked more than that it is a legal payload.
  protocol::document_view data{protocol::codec::json, {}};
};

class room_context;

/// Hears what has become of a request, as a hook of the room.
using request_handler = std::function<void(room_context&, const request_result&)>;

/// What a behaviour may do, valid while one of its hooks runs. Thread: the room's loop.
///
/// Used elsewhere (kept beyond the hook, in a hook of another room, on another thread), every call
/// throws a `std::logic_error` that names it, and does nothing. Once the room has ended, such a
/// reference is void, and using it is undefined.
class room_context {
public:
  virtual ~room_context() = default;

  /// Orders the event, stores it and sends it to all members.
  virtual void broadcast(const broadcast_event& event) = 0;
  /// The same for all but `member`; for all if `member` is not in the room.
  virtual void broadcast_except(session_key member, const broadcast_event& event) = 0;
  /// The same for all but `members`; those of them that are not in the room do not matter. Cost of
  /// each beside that of `broadcast`: a look-up on each loop, and 16 bytes in the history.
  virtual void broadcast_except(std::span<const session_key> members,
                                const broadcast_event& event) = 0;
  /// Sends to one member, after what the room has said before; carries no `seq`. Until the member's
  /// dispatcher has it, it is charged to the command being handled, else to the room (`pressure`).
  /// What a lost connection causes is charged to nobody. `stored`, `is_volatile`, `is_latest` and
  /// `key` mean nothing here.
  virtual void send_to(session_key member, const broadcast_event& event) = 0;
  /// The same three for bytes, of which all clients get all. Throw `std::length_error` for 4 GiB or
  /// more.
  virtual void broadcast_binary(const binary_event& event) = 0;
  virtual void broadcast_binary_except(std::span<const session_key> members,
                                       const binary_event& event) = 0;
  virtual void send_binary_to(session_key member, std::string_view bytes) = 0;

  /// The same three calls for nested values: `fill(object_writer&)` writes the fields, and `event`,
  /// which has no `fields` and no `v1_fields` of its own, says all else. `fill` runs within the
  /// call, once for each codec in which somebody gets the event or the history keeps it: so at most
  /// twice, and perhaps not at all. If it throws, nobody gets anything. It had better only write;
  /// should it say something itself, that goes first. Errors: also what `object_writer` throws.
  /// Cost: no allocation beyond those for the frames.
  virtual void broadcast(const broadcast_event& event, protocol::object_fill fill) = 0;
  virtual void broadcast_except(session_key member, const broadcast_event& event,
                                protocol::object_fill fill) = 0;
  virtual void send_to(session_key member, const broadcast_event& event,
                       protocol::object_fill fill) = 0;

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
  /// The same for nested values: `fill(object_writer&)` writes the `data`. It runs within the call,
  /// once, or not at all if the member cannot be asked.
  virtual void ask(session_key member, protocol::object_fill fill, std::chrono::milliseconds limit,
                   request_handler then) = 0;
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
  /// Lets the message at hand be answered later, by whoever has a copy of what this returns; the
  /// room goes on meanwhile, also with what the same client says next. For `on_message` and the
  /// handlers of `room_behavior::on`, once for each message; elsewhere, a second time and after
  /// `refuse` it throws `std::logic_error`. The message holds its credit until it is answered, so a
  /// client has 32 of them at most. Beyond `room_limits::max_late_answers` the message is refused
  /// with `overloaded` at once, and the promise is void, as it is if this hook has kicked the
  /// sender.
  [[nodiscard]] virtual reply_promise reply_later() = 0;

  /// The room's name.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The member of that session; null if there is none. It stays valid until the hook returns.
  [[nodiscard]] virtual const member* find(session_key key) const = 0;
  /// The user's session that joined last, of those that are not away if there are such; null if the
  /// user has none in the room. It stays valid until the hook returns. Cost: linear in the user's
  /// sessions.
  [[nodiscard]] virtual const member* find_user(std::string_view user_id) const = 0;
  /// Calls `f` for each session of the user, in the order of joining; for `f` as
  /// `for_each_member`.
  virtual void for_each_session_of(std::string_view user_id,
                                   const std::function<void(const member&)>& f) const = 0;
  /// How many bytes of output wait for the member: what all its rooms and its own answers have
  /// queued and its socket has not taken, without what has been said in this turn. 0 for who is no
  /// member or away. An estimate where the member is on another loop than the room: what that loop
  /// has said last. Each call asks it again, so the first one of a member returns 0, and the others
  /// what was true at the call before or a little later.
  [[nodiscard]] virtual std::size_t queued_bytes(session_key member) const = 0;
  /// Counts the members, without server-side ones. In `on_join` the new member counts; in
  /// `on_leave` the old one does not.
  [[nodiscard]] virtual std::size_t member_count() const = 0;
  /// Calls `f` for each member, in no order. `f` may kick, and may still be called with a member
  /// that it has kicked. Cost: linear, one allocation.
  virtual void for_each_member(const std::function<void(const member&)>& f) const = 0;
  /// Runs `then` as a hook of its own after `period`, and again and again each `period` later: it
  /// does not drift. What it misses, because the loop is busy, is left out and not made up for. It
  /// ends by `cancel`, or with the room. What it says is the room's own output.
  ///
  /// Timers run at their time to the nanosecond, or as soon after that as the loop and its system
  /// can (a tenth of a millisecond, if neither is busy); those of one time run in the order in
  /// which they were made. Cost: logarithmic in the timers of the room and the loop.
  ///
  /// In the last hooks of a room that has ended it returns 0 and does nothing. Throws
  /// `std::invalid_argument` for an empty `then` and a `period` that is not from 1 ms to 365 days,
  /// and `std::length_error` beyond `room_limits::max_timers`.
  virtual room_timer every(std::chrono::nanoseconds period, timer_handler then) = 0;
  /// The same, but `then` runs once; a `delay` of 0 means in the next turn of the loop, and
  /// negative ones are refused.
  virtual room_timer after(std::chrono::nanoseconds delay, timer_handler then) = 0;
  /// Cancels a timer of this room; within its own handler it does not run again. Returns whether it
  /// would have.
  virtual bool cancel(room_timer which) = 0;
  /// The time of the loop's steady clock, which timers and ticks follow: when the hook under way,
  /// or what it belongs to, first asked for it.
  [[nodiscard]] virtual steady_time steady_now() const = 0;
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
  void broadcast_except(std::span<const session_key> who, std::string_view type,
                        protocol::field_list fields) {
    broadcast_except(who, {type, fields, {}, true, true});
  }
  void send_to(session_key who, std::string_view type, protocol::field_list fields) {
    send_to(who, {type, fields, {}, true, false});
  }

  /// Bytes for all, or all but one; stored.
  void broadcast_binary(std::string_view bytes) { broadcast_binary(binary_event{bytes}); }
  void broadcast_binary_except(session_key who, std::string_view bytes) {
    broadcast_binary_except({&who, 1}, binary_event{bytes});
  }

  /// And with nested values: `room.broadcast("state", [&](object_writer& out) { … })`.
  void broadcast(std::string_view type, protocol::object_fill fill) {
    broadcast(broadcast_event{type}, fill);
  }
  void broadcast_except(session_key who, std::string_view type, protocol::object_fill fill) {
    broadcast_except(who, broadcast_event{type}, fill);
  }
  void send_to(session_key who, std::string_view type, protocol::object_fill fill) {
    send_to(who, broadcast_event{type}, fill);
  }
};

} // namespace troupe::actors
