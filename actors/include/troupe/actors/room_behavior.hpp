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
  /// Of its claims, else the connection's own; several members may have one.
  std::string user_id;
  protocol::encoding encoding = protocol::encoding::plain_json;
  std::string profile;         ///< raw map in `codec_of(encoding)`, empty if none
  bool automatic = false;      ///< put here by the node (the lobby), not by a `join`
  claims_ptr claims = nullptr; ///< the latest that it has brought; null: none
};

/// Why a member is one no more. The numbers do not change.
enum class leave_reason : std::uint8_t {
  left = 0,
  disconnected = 1,
  kicked = 2,
  closed = 3,
  forbidden = 4, ///< its new claims do not open the room
};
/// As clients are told it, in `userLeft` and `left`.
[[nodiscard]] std::string_view to_string(leave_reason reason) noexcept;

/// Whether a join is accepted; the default is yes.
struct join_decision {
  protocol::errc code = protocol::errc::ok; ///< `ok`, or why not
  std::string detail{};                     ///< for a person; empty: the sentence of `code`

  [[nodiscard]] static join_decision accept() { return {}; }
  /// `why` is told to the client; empty: the sentence of `code`. Throws `std::invalid_argument` for
  /// a code that is no answer to a command: `ok`, which would let in, those that end a connection
  /// (but `internal`), and those that no server says (`room_gone`, `timed_out`, `waiting_limit`).
  [[nodiscard]] static join_decision refuse(std::string why,
                                            protocol::errc code = protocol::errc::forbidden);
};

/// A message to a room's members. Fields must live until the call returns.
///
/// Whoever says it gets `std::invalid_argument`, and nobody hears anything, if `type` is none of an
/// application's (built in, empty, longer than 128 bytes, with control characters, starting with
/// `$`), a `raw_value` is no whole value in its codec, or a field has the name of one that the
/// server sets (`type`, `roomId`, `seq`, `ref`) or of another one, in `fields` and `v1_fields`
/// together, or one that no field can have (`__proto__`, `$bin`, invalid UTF-8): clients would read
/// such a frame differently. Fields without name, or with an empty `raw_value`, are left out and
/// may be there more than once. What a behaviour passes on of the message at hand (its type, raw
/// values of its fields) is not looked at again; names of fields are, without memory for 16.
/// What JSON cannot say is told as near as can be: a number that is not finite as null, bytes that
/// are no UTF-8 as U+FFFD.
struct broadcast_event {
  std::string_view type{};
  std::vector<protocol::field> fields{};    ///< for everybody
  std::vector<protocol::field> v1_fields{}; ///< after `fields`, for troupe.v1 clients only
  bool plain = true;                        ///< whether clients without subprotocol get it
  bool stored = true;                       ///< whether it gets a `seq` and lies in the history
};

/// A client's message of an application type. Views live until the handler returns.
struct application_message {
  std::string_view type;
  protocol::document_view fields;
};

/// What a behaviour may do, valid while one of its hooks runs. Thread: the room's loop.
class room_context {
public:
  virtual ~room_context() = default;

  /// Orders the event, stores it and sends it to all members.
  virtual void broadcast(const broadcast_event& event) = 0;
  /// The same for all but one member; for all, if that is none.
  virtual void broadcast_except(session_key member, const broadcast_event& event) = 0;
  /// Sends to one member, in order with what the room has said before; carries no `seq`. Until its
  /// dispatcher has it, it is charged to the command being handled, else to the room (`pressure`);
  /// what is said because a connection was lost, to nobody.
  virtual void send_to(session_key member, const broadcast_event& event) = 0;
  /// Removes a member; it gets `left` with reason `kicked`.
  virtual void kick(session_key member, std::string_view message = {}) = 0;
  /// Ends the room after the current hook, which may still say something; members get `roomClosed`
  /// with reason `ended`. What they have sent and the room has not handled is answered by
  /// `room_closed`; who is about to enter enters its successor.
  virtual void end() = 0;

  /// The current command is answered by `error`; for `on_publish`, `on_message` and `on_binary`,
  /// elsewhere it does nothing. Codes: as for `join_decision::refuse`.
  virtual void refuse(protocol::errc code, std::string_view detail = {}) = 0;

  /// The room's own.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The member of that session; null if there is none. It stays valid until the hook returns.
  [[nodiscard]] virtual const member* find(session_key key) const = 0;
  /// Without server-side members. In `on_join` the new one counts, in `on_leave` the old one does
  /// not.
  [[nodiscard]] virtual std::size_t member_count() const = 0;
  /// In no order. `f` may kick: whom it has kicked it may be called with all the same. Cost:
  /// linear, one allocation.
  virtual void for_each_member(const std::function<void(const member&)>& f) const = 0;
  /// The wall clock's time, of the node's clock.
  [[nodiscard]] virtual wall_time now() const = 0;
  /// Own output not yet sent, relative to its bound: 1 is full, the room ends at 8.
  [[nodiscard]] virtual double pressure() const = 0;

  /// The three above with the same fields for all clients; what is broadcast is stored.
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
/// All hooks run on the room's loop, one at a time, but for the `on_leave` of who is thrown out,
/// which runs inside of the hook that calls `kick`; so does the destructor. An exception out of a
/// hook ends this room alone, unless the hook around it catches it: its members get `roomClosed`
/// with reason `crashed`.
class room_behavior {
public:
  virtual ~room_behavior() = default;

  /// The room has been made; nobody is in it yet.
  virtual void on_create(room_context&) {}
  /// Before a member is admitted. `candidate` is not yet a member.
  virtual join_decision authorize_join(room_context&, const member& candidate);
  /// After `joined` was queued for the member and the others were told.
  virtual void on_join(room_context&, const member&) {}
  /// A message of an application type. Default: the handler registered by `on` for its type, else
  /// `unknown_type`.
  virtual void on_message(room_context& room, const member& from,
                          const application_message& message);
  /// A binary message. Returns whether it is to be relayed to all members; as `on_publish`.
  /// Default: yes.
  virtual bool on_binary(room_context&, const member&, std::string_view) { return true; }
  /// A `message` is about to be relayed. Returns whether it is; not that of a sender whom the hook
  /// has thrown out. Default: yes.
  virtual bool on_publish(room_context&, const member&, const application_message&) { return true; }
  /// After the member was removed. However the room ends (crash, `end`, stop), it runs with
  /// `leave_reason::closed` for each member that is left; what is said then reaches nobody.
  virtual void on_leave(room_context&, const member&, leave_reason) {}
  /// The room ends in order (empty, `end`, stop), after `on_leave` for its last member; not after a
  /// crash. Nobody is left to be told.
  virtual void on_close(room_context&) {}

protected:
  using handler = std::function<void(room_context&, const member&, const application_message&)>;
  /// Handles messages of `type`; call it in the constructor, once for each type. Throws
  /// `std::invalid_argument` for a type that is built in (`join`, `message` and so on, which have
  /// hooks), that starts with `$` (kept for later versions of the protocol), that no message can
  /// have or that is handled already, and for an empty handler.
  void on(std::string type, handler f);

private:
  std::map<std::string, handler, std::less<>> handlers_;
};

/// Makes the behaviour of one incarnation of a room, which it owns. Runs on the room's loop; what
/// it throws is the room's crash.
using behavior_factory = std::function<std::unique_ptr<room_behavior>(std::string_view room_name)>;

/// What may differ between patterns of rooms; absent: as in the node's options.
struct room_options {
  /// Tell members who joins and leaves (`userJoined`, `userLeft`).
  std::optional<bool> announce{};
  /// Further joins are refused with `room_full`; 0: any number.
  std::optional<std::size_t> max_members{};
  /// Else a room ends with its last member; see `room_handle::end`.
  bool keep_when_empty = false;
  std::optional<bool> history{}; ///< whether it keeps what it has said last
};

/// Answer of a publish from outside.
enum class publish_result : std::uint8_t { accepted, overloaded, gone };

/// Names a room from any thread, also after the node's end. Publishing to a room that does not
/// exist is a counted no-op.
class room_handle {
public:
  /// Broadcasts `event` as the room's own output. Thread: any. `overloaded`: nothing was sent, the
  /// room's output is at its bound. `gone`: nothing was sent, and nothing will be: the node ends,
  /// or has ended, or no room can have that name, or the handle was made by nobody.
  publish_result publish(const broadcast_event& event) const;
  /// The same with fields for all clients; stored.
  publish_result publish(std::string_view type, protocol::field_list fields) const {
    return publish({type, fields, {}, true, true});
  }

  /// Ends the room, if there is one, behind what it was sent before: its members get `roomClosed`
  /// with reason `ended`. The way to end a room that is kept when it is empty. `gone`: so is the
  /// node. Thread: any.
  publish_result end() const;

private:
  friend class node;
  struct state;
  std::shared_ptr<const state> state_;
};

} // namespace troupe::actors
