#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

/// Whether a join is accepted; the default is yes.
struct join_decision {
  protocol::errc code = protocol::errc::ok; ///< `ok`, or why not
  std::string detail{};                     ///< for a person; empty: the sentence of `code`

  [[nodiscard]] static join_decision accept() { return {}; }
  /// The client is told `why`, or the sentence of `code` if `why` is empty. Throws
  /// `std::invalid_argument` for a code that cannot refuse a command: `ok`, codes that end a
  /// connection (`internal` is allowed), and codes that no server sends (`room_gone`,
  /// `waiting_limit`).
  [[nodiscard]] static join_decision refuse(std::string why,
                                            protocol::errc code = protocol::errc::forbidden);
};

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

/// What a room does beyond relaying. Derive from it and register it with `node::rooms`; one object
/// per room incarnation.
///
/// All hooks and the destructor run on the room's loop. Hooks run one at a time, but the `on_leave`
/// of a kicked member runs inside the hook that calls `kick`. An exception out of a hook ends this
/// room alone, unless the hook around it catches it; members get `roomClosed` with reason
/// `crashed`.
class room_behavior {
public:
  virtual ~room_behavior() = default;

  /// The room has been made; nobody is in it yet.
  virtual void on_create(room_context&) {}
  /// Decides whether `candidate`, which is not yet a member, may join. Runs for each return, too
  /// (`member::returning`): who is refused then has lost its place.
  virtual join_decision authorize_join(room_context&, const member& candidate);
  /// After `joined` was queued for the member and the others were told. Like `on_leave` it runs for
  /// each session, also where a user has several; members are told of users only.
  virtual void on_join(room_context&, const member&) {}
  /// A message of an application type. Default: the handler registered by `on` for its type, else
  /// `unknown_type`.
  virtual void on_message(room_context& room, const member& from,
                          const application_message& message);
  /// A binary message. Returns, as `on_publish` does, whether to relay it to all members. Default:
  /// yes.
  virtual bool on_binary(room_context&, const member&, std::string_view) { return true; }
  /// A `message` is about to be relayed. Returns whether it is; if the hook has kicked the sender,
  /// it is not. Default: yes.
  virtual bool on_publish(room_context&, const member&, const application_message&) { return true; }
  /// A member's `$profile`: `profile` is about to replace the one in `from`. Returns whether it
  /// does, as `on_publish`; `refuse` answers with an error. Default: yes.
  virtual bool on_profile(room_context&, const member& from,
                          const protocol::document_view& profile);
  /// In a room that keeps seats: the member's connection is lost. It stays a member, `away`, until
  /// it is back, or until its time is over: then `on_leave` follows. What is broadcast here it
  /// gets, too, once it is back.
  virtual void on_drop(room_context&, const member&) {}
  /// A member's client is back by another connection, and takes the place of `former`, which was
  /// `away` or had a connection that was still there. Runs instead of `on_join`; `former` is no
  /// member any more, and its key names nobody. What was sent to it alone meanwhile may be lost.
  /// Override it if you keep something for each member: give it the key of `now`, for instance by
  /// `auto kept = all.extract(former.key); kept.key() = now.key; all.insert(std::move(kept))`.
  /// Default: `on_leave` of the former member (`disconnected`), then `on_join`.
  virtual void on_return(room_context& room, const member& now, const member& former);
  /// After the member was removed. However the room ends (crash, `end`, stop), it runs with
  /// `leave_reason::closed` for each remaining member; what is said then reaches nobody.
  virtual void on_leave(room_context&, const member&, leave_reason) {}
  /// The room ends in order (empty, `end`, stop), after `on_leave` for its last member; not after a
  /// crash. Nobody is left to receive anything.
  virtual void on_close(room_context&) {}

  /// The room's own output waits: it comes faster than the loops of its members send it. Runs once
  /// when `pressure` (`room_context::pressure`) has risen to 1, and once when it has fallen to half
  /// again: so it is at least 1 or at most 0.5. It is a hook of its own, never within another, and
  /// runs within 10 ms; a rise that is over by then is not told.
  ///
  /// Note in it that the room is to say less from now on, or may say more again. It may do all that
  /// a hook may; what it says itself counts as the room's own output, too. A room that does not
  /// slow down ends at a pressure of 8, with reason `overloaded`; one hook that says so much at
  /// once ends it before this has run.
  virtual void on_pressure(room_context&, double /*pressure*/) {}

protected:
  using handler = std::function<void(room_context&, const member&, const application_message&)>;
  /// Handles messages of `type`; call it in the constructor, once for each type. Throws
  /// `std::invalid_argument` for a type that is built in (`join`, `message` and so on, which have
  /// hooks), that starts with `$` (reserved for later versions of the protocol), that no message
  /// can have or that has a handler already, and for an empty handler.
  void on(std::string type, handler f);

private:
  std::map<std::string, handler, std::less<>> handlers_;
};

/// Makes the behaviour of one incarnation of a room; the room owns it. Runs on the room's loop; an
/// exception crashes the room.
using behavior_factory = std::function<std::unique_ptr<room_behavior>(std::string_view room_name)>;

/// Options that may differ between patterns of rooms; absent: the node's value.
struct room_options {
  /// Tell members which users join and leave (`userJoined`, `userLeft`: a user's first session, and
  /// its last), and whose profile has changed (`$profile`).
  std::optional<bool> announce{};
  /// Tell those who join which users are in the room: the first 100 (`joined.members`), and how
  /// many.
  std::optional<bool> list_members{};
  /// The most members that are told of each change by itself; see `node_options::gather_beyond`.
  std::optional<std::size_t> gather_beyond{};
  /// The most members; further joins are refused with `room_full`. 0: any number.
  std::optional<std::size_t> max_members{};
  /// Whether the room outlives its last member; see `room_handle::end`.
  bool keep_when_empty = false;
  std::optional<bool> history{}; ///< whether it keeps its latest broadcasts
  /// How long a member of `troupe.v1` whose connection is lost keeps its place: the others hear
  /// `$away`, and `$back` once its client has resumed its session, or has joined again with claims
  /// of the same user. The place counts, and the room lives on. 0: it leaves at once.
  std::chrono::milliseconds keep_seat{0};
  /// How long it lives on after its last member: see `room_limits::linger`.
  std::optional<std::chrono::milliseconds> linger{};
};

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
  std::shared_ptr<const state> state_;
};

} // namespace troupe::actors
