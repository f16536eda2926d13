#pragma once

#include <troupe/actors/options.hpp>
#include <troupe/actors/room_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::actors {

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
  /// Who may ask for seats in these rooms (`node::reserve`, `$reserve`). Names of rooms that are
  /// made for that are the pattern's prefix and 22 random characters, so the prefix has at most 106
  /// bytes.
  reserve_policy reservable = reserve_policy::off;
};

} // namespace troupe::actors
