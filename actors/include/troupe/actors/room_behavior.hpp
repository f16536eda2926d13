#pragma once

#include <troupe/actors/late_answer.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/room_context.hpp>
#include <troupe/actors/room_time.hpp>

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
  /// A member that leaves in the same step, as if it had been kicked with `detail` as the message.
  /// So a join is accepted in a full room, too. If both are the same user's, the others hear of no
  /// one who comes or goes. Means nothing if it is no member (any more), or if it is the one whose
  /// place the candidate takes anyway (`member::returning`).
  session_key replaces{};
  std::optional<join_promise> promise{}; ///< see `later`

  [[nodiscard]] static join_decision accept() { return {}; }
  /// Accepts, and `who` leaves: its client is told `message`. `on_leave` runs with
  /// `leave_reason::kicked`, then `on_join`; by then both have happened.
  [[nodiscard]] static join_decision accept_in_place_of(session_key who, std::string message = {});
  /// The client is told `why`, or the sentence of `code` if `why` is empty. Throws
  /// `std::invalid_argument` for a code that cannot refuse a command: `ok`, codes that end a
  /// connection (`internal` is allowed), and codes that no server sends (`room_gone`,
  /// `waiting_limit`).
  [[nodiscard]] static join_decision refuse(protocol::errc code, std::string why = {});
  /// The same with `forbidden`.
  [[nodiscard]] static join_decision refuse(std::string why);
  /// Whoever has a copy of `promise` decides. Until then the candidate is no member, and takes no
  /// place: capacity is checked again at the decision, as all else that the room itself checks. The
  /// room goes on meanwhile; what this client says to it waits behind the join, in order. Beyond
  /// `room_limits::max_late_answers` the join is refused with `overloaded` at once, and the promise
  /// is void. A room that ends meanwhile asks nobody: the join goes to its successor.
  ///
  /// Throws `std::invalid_argument` for a promise that was moved from. The room crashes if it
  /// stands for another join already.
  [[nodiscard]] static join_decision later(join_promise promise);
};

/// What a room does beyond relaying. Derive from it and register it with `node::rooms`; one object
/// per room incarnation.
///
/// All hooks and the destructor run on the room's loop. Hooks run one at a time, but the `on_leave`
/// of a kicked member runs inside the hook that calls `kick`. An exception out of a hook ends this
/// room alone, unless the hook around it catches it or `on_error` says that the room goes on;
/// members get `roomClosed` with reason `crashed`.
class room_behavior {
public:
  virtual ~room_behavior() = default;

  /// The room has been made; nobody is in it yet.
  virtual void on_create(room_context&) {}
  /// Decides whether `candidate`, which is not yet a member, may join. Runs for each return, too
  /// (`member::returning`): who is refused then has lost its place. It runs in a full room, too:
  /// who is accepted there is answered `room_full`, unless it `replaces` somebody, or this has
  /// kicked somebody. It must not block: what takes time is decided by `join_decision::later`.
  virtual join_decision authorize_join(room_context&, const member& candidate);
  /// After `joined` was queued for the member and the others were told. Like `on_leave` it runs for
  /// each session, also where a user has several; members are told of users only.
  virtual void on_join(room_context&, const member&) {}
  /// A message of an application type. Default: the handler registered by `on` for its type, else
  /// `unknown_type`. In a room that ticks it waits for the next tick (see `on_tick`).
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
  /// A room with `room_options::tick` ticks. First the messages for `on_message` that have come
  /// since the last tick are handed over, one hook each, in the order in which they came; then this
  /// runs. What the room says in all of that reaches each member in one write, and is the room's
  /// own output: the messages hold no credit of their senders any more. A `ref` is answered once
  /// its message was handled. Nothing else waits: `on_publish`, `on_binary`, `on_profile` and
  /// replies run at once, and so may overtake messages of the same member.
  ///
  /// What waits of a member is handed over before its `on_leave`, `on_drop` or `on_return`, without
  /// a tick; of one who is kicked it is dropped, and so is all of it when the room ends.
  ///
  /// The first tick comes within a period of the room's making; rooms are spread over instants of
  /// the period, at least 2 ms apart. They go on while the room lives, also when it is empty
  /// (`keep_when_empty`, `linger`) or all members are `away`. If the loop is late by a period or
  /// more, `tick_options::overrun` decides. Cost of a tick, beside what is handed over and said:
  /// three readings of the clock.
  virtual void on_tick(room_context&, const tick_info&) {}
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

  /// Another hook has thrown `what`. Returns whether the room goes on. Default: no.
  ///
  /// If it does, the exception is logged and counted, and all that the failed hook has said and
  /// done stays. A command is answered by `internal`, or as this hook refuses it, unless the failed
  /// hook had refused it, left the answer to a promise (`reply_later`) or thrown out its sender:
  /// its `id` is free again, and a message is not relayed. Where `authorize_join` has failed, the
  /// join is refused with `internal`; where `on_join` or `on_return` has, the member stays.
  ///
  /// `about`: the member that the failed hook was about, by whatever name; null if there is none
  /// (`on_pressure`, a posted function). After `authorize_join` it is no member yet, after
  /// `on_leave`, or if it was kicked, none any more. An `on_leave` within `kick` fails for the hook
  /// that has called that. The room ends without asking where `on_create` has failed, where its
  /// end has begun, where this fails itself, and where memory is short (`std::bad_alloc`).
  virtual bool on_error(room_context&, const member* /*about*/, std::string_view /*what*/) {
    return false;
  }

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
  /// Of members' messages and binary messages that name no `delivery`. With `latest` they have an
  /// empty key: a member that is behind gets the last one of each sender.
  protocol::delivery delivery = protocol::delivery::reliable;
  /// Whether `id` of a member's application message names it, as it does a `message`: a repeat is
  /// answered with the first one's `ack`, and not handed to the behaviour. Off: `id` is a field
  /// like any other. A message whose answer had not come as its connection was lost is forgotten:
  /// its repeat is handed to the behaviour again.
  bool command_ids = false;
  /// How long a member of `troupe.v1` whose connection is lost keeps its place: the others hear
  /// `$away`, and `$back` once its client has resumed its session, or has joined again with claims
  /// of the same user. The place counts, and the room lives on. 0: it leaves at once. A member
  /// without claims can come back by its session alone, so its place is kept for
  /// `session_options::resume_window` at most.
  std::chrono::milliseconds keep_seat{0};
  /// How long it lives on after its last member: see `room_limits::linger`.
  std::optional<std::chrono::milliseconds> linger{};
  tick_options tick{}; ///< whether it ticks: see `room_behavior::on_tick`
  /// Who may ask for seats in these rooms (`node::reserve`, `$reserve`). Names of rooms that are
  /// made for that are the pattern's prefix and 22 random characters, so the prefix has at most 106
  /// bytes.
  reserve_policy reservable = reserve_policy::off;
};

} // namespace troupe::actors
