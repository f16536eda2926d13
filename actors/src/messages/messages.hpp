#pragma once

#include "messages/direct.hpp"
#include "messages/matchmaking.hpp"
#include "messages/outside_question.hpp"
#include "messages/outside_work.hpp"
#include "messages/owned_event.hpp"
#include "model/accepted_ids.hpp"
#include "model/client_id.hpp"
#include "model/counted_bytes.hpp"
#include "model/session_name.hpp"

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/claims.hpp>
#include <troupe/actors/clock.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/dispatched.hpp>
#include <troupe/actors/find_room.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_event.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// The messages between actors. They never leave the process, so they cannot be serialized.

namespace troupe::actors {

/// A `ref` that waits for its answer, shared by the connection that received the command and the
/// room that answers it.
struct open_ref {
  std::string value;   ///< raw, in the sender's codec
  std::string request; ///< the command's type
  std::atomic<bool> answered{false};
};
using open_ref_ptr = std::shared_ptr<open_ref>;

/// One WebSocket message on its way from a session to its connection actor.
struct inbound {
  protocol::shared_bytes bytes;
  bool binary = false;
  credit token;
};

/// Where a client left off in a room: it gets what it has missed since.
struct replay_start {
  std::string epoch;
  std::uint64_t seq = 0;
  client_id client;                        ///< that it had; nobody's if it has not said so
  std::size_t first_slice_bytes = 0;       ///< of what it has missed, sent at once
  std::shared_ptr<credit_account> account; ///< of what waits for it meanwhile, in all its rooms
};

/// One client's request to join a room. The room answers the connection with `join_answer`; the
/// dispatcher tells the client if it was admitted.
struct join_request {
  std::uint32_t ticket = 0;      ///< identifies the request at its connection
  std::uint8_t failed_rooms = 0; ///< rooms that ended before they handled it
  caf::strong_actor_ptr from;    ///< the connection
  session_key who;
  client_id client;
  std::string user_id;
  protocol::encoding encoding = protocol::encoding::plain_json;
  std::string profile; ///< raw map in the client's codec, empty if none
  claims_ptr claims;
  /// Never null; its value is empty if the command had no `ref`.
  open_ref_ptr ref = std::make_shared<open_ref>();
  std::shared_ptr<const replay_start> since; ///< null if it does not say where it left off
  bool automatic = false; ///< made by the node (the lobby): a plain client gets no `joined`
  /// Of a session that comes back. `since` is there. Nothing is said to the client until
  /// `release_session`, and no `joined` at all.
  bool resumed = false;
  /// The member that this one takes the place of, in the same step; nobody's if there is none.
  session_key replaced;
  bool must_replace = false; ///< refused if that is no member any more
  credit token;
};

/// Where a room keeps a member: an index that belongs to it until it leaves.
using member_place = std::uint32_t;

/// Where a room stands for a member that has come back to it.
struct room_return {
  std::string epoch;
  std::uint64_t seq = 0;
  bool recovered = false; ///< it gets all that it has missed
};

/// What a room decides about a join.
struct join_reply {
  protocol::errc code = protocol::errc::ok;
  std::string detail;
  room_key room; ///< none: refused, or admitted and kicked at once
  member_place place = 0;
  std::shared_ptr<const room_return> returned{}; ///< null: no session has come back by this join
  bool is_put_off = false; ///< nothing is decided yet, and all else means nothing
};

/// A member's `message`, binary message or application message, its new profile, or its answer to
/// a request.
struct room_input {
  enum class kind : std::uint8_t { message, binary, application, profile, reply };
  kind what = kind::message;
  session_key who;
  member_place place = 0; ///< its own, as the room has told its connection
  protocol::encoding encoding = protocol::encoding::plain_json;
  protocol::shared_bytes bytes; ///< the whole message; `body` points into it
  protocol::body_field field = protocol::body_field::none;
  std::string_view body;
  std::string type; ///< application messages only
  bool echo = true;
  bool is_volatile = false;   ///< a message or a binary message that is not `reliable`
  std::uint64_t value = 0;    ///< one of delivery `latest`: a hash of its key; 0: it is not one
  bool names_delivery = true; ///< false: the room decides, and these two mean nothing
  std::uint64_t id = 0;       ///< a hash of the client's own; 0: it has given none
  open_ref_ptr ref;
  credit token;
};

/// The profile of a member whose session is kept, from its room to whoever takes the session up.
struct kept_profile {
  std::string text; ///< raw; written before `is_there`
  std::atomic<bool> is_there{false};
  counted_bytes counted;
};
using kept_profile_ptr = std::shared_ptr<kept_profile>;

struct leave_request {
  session_key who;
  leave_reason reason = leave_reason::left;
  bool answer = false; ///< whether the client gets `left`
  open_ref_ptr ref;
  credit token;               ///< of the command; none if the connection was lost
  bool may_return = false;    ///< its session is kept
  kept_profile_ptr profile{}; ///< that of the member goes there; null: nobody asks for it
};

/// A member has sent a new token.
struct claims_renewed {
  session_key who;
  claims_ptr claims;
  credit token; ///< of the `auth` command, until the room has handled this
};

/// A member asks for a page of the users in its room.
struct presence_request {
  session_key who;
  member_place place = 0; ///< its own, as the room has told its connection
  protocol::encoding encoding = protocol::encoding::plain_json;
  open_ref_ptr ref;  ///< null if it had none
  std::string after; ///< the user behind whom the page begins; empty: the first one
  std::int64_t limit = 0;
  credit token;
};

/// A member asks for a page of the room's history. At most one of `after` and `before`; neither:
/// the latest messages.
struct history_request {
  session_key who;
  member_place place = 0; ///< its own, as the room has told its connection
  protocol::encoding encoding = protocol::encoding::plain_json;
  open_ref_ptr ref; ///< null if it had none
  std::optional<std::uint64_t> after;
  std::optional<std::uint64_t> before;
  std::int64_t limit = 0;
  credit token;
};

/// What a room does at a time of its own choice.
enum class room_work : std::uint8_t {
  tell_changes, ///< among its users
  end_seats,    ///< of members that have not come back in time
  end_requests, ///< that nobody has answered
  take_answers, ///< that have been given, or have not come in time
  tell_pressure,
  run_timers,
  tick,
  keep_listing, ///< held seats have ended, or the matchmaker is to be told how the room stands
};

/// A room to itself: it is time for that.
struct work_due {
  room_work what = room_work::tell_changes;
};

/// Asks a room to answer after everything that the asker sent before: true if the room has handled
/// that, false if the room is ending instead.
struct await_handled {
  session_key who; ///< whose connection asks
};

/// A broadcast from outside the room.
struct outside_event {
  std::string room;
  std::shared_ptr<const owned_event> event;
  credit token;
};

/// A question from outside to a user of the room.
struct outside_request {
  std::string room;
  outside_question_ptr question;
  credit token;
};

/// Something else that somebody outside wants a room to do.
struct outside_task {
  std::string room;
  std::shared_ptr<outside_work> what;
  credit token;
};

/// One message to all connections of an endpoint.
struct endpoint_broadcast {
  protocol::shared_bytes frame;
  session_key except; ///< a connection that does not get it, or nobody
  credit source;
};

/// A CAF actor's request to become a server-side member.
struct observe_request {
  std::uint8_t failed_rooms = 0; ///< rooms that ended before they handled it
  caf::actor who;
  observer_options options;
};

/// A server-side member leaves.
struct unobserve_request {
  caf::actor who;
};

/// A request to enter a room, or to leave it while the room may not have handled the entering yet.
using room_entry = std::variant<join_request, leave_request, observe_request, unobserve_request,
                                hold_request, release_request>;

/// Why a whole room ends.
enum class room_end : std::uint8_t {
  crashed = 0,
  ended = 1,
  overloaded = 2,
  empty = 3,
  stopped = 4
};

/// From the shard to the room: end now.
struct end_room {
  room_end reason = room_end::ended;
};

/// From a dispatcher to the room: the session of a member that catches up takes more.
struct replay_wanted {
  session_key who;
};

/// From the shard to the room: the next entry is in its cell.
struct entry_waits {};

// -- to registry shard ----------------------------------------------------------------------------

/// The room has no member left.
struct room_empty {
  std::string name;
  room_key room;
  std::uint64_t entries = 0;          ///< handled by the room; the shard may have handed on more
  std::chrono::milliseconds linger{}; ///< how long the room is to live on without members
};

/// Asks the shard to end a room.
struct end_request {
  std::string name;
  room_key room; ///< none: whichever room has the name
  room_end reason = room_end::ended;
};

/// An entry for the room of that name. A join or an `observe_request` makes the room if need be,
/// and so does a `hold_request` that says so.
struct room_call {
  std::string room;
  room_entry entry;
};

/// Asks a shard to end the room of its loop that has been without members for longest.
struct end_oldest_lingering {};

struct stop_shard {};

// -- room to dispatcher ---------------------------------------------------------------------------

struct room_identity;
using room_identity_ptr = std::shared_ptr<const room_identity>;

/// A part of what a member has missed.
struct missed_frames {
  protocol::shared_bytes bytes;
  std::uint32_t frames = 1;
  output_kind kind = output_kind::data;
};

/// Adds a member on the dispatcher's loop: it gets `first`, then what it has `missed`, then
/// everything that the room sends. While it is `behind`, it is not added yet: the dispatcher asks
/// for more as its session takes it (`replay_wanted`), and gets another `subscribe`.
struct subscribe {
  room_identity_ptr room;
  session_key who;
  protocol::encoding encoding = protocol::encoding::plain_json;
  protocol::shared_bytes first; ///< may be empty
  /// The client is in one room at a time: it gets nothing more from its previous room.
  bool only_room = false;
  std::shared_ptr<const std::vector<missed_frames>> missed{}; ///< null: nothing
  std::uint64_t behind = 0; ///< how many frames it has to get before it is level with the room
  /// The session gets nothing of its rooms before its `release_session`.
  bool is_held = false;
};

/// One broadcast on its way to a loop's members: a complete frame for each encoding in use.
struct fan_out {
  room_key room;
  std::array<protocol::shared_bytes, protocol::encoding_count> frames;
  session_key except; ///< a member that does not get it, or nobody
  credit source;      ///< of the client that sent it
  credit own;         ///< of the room's own output
  /// When the room received what caused this; `max`: the delivery is not timed.
  steady_time at = steady_time::max();
  if_behind for_behind = if_behind::queue;
  /// Further members that do not get it; null: none.
  std::shared_ptr<const std::vector<session_key>> except_also{};
};

/// A frame for one member, sent after everything that the room has sent before.
struct member_frame {
  room_key room;
  session_key who;
  protocol::shared_bytes frame; ///< may be empty (plain clients have no `left`)
  bool remove = false;          ///< the membership ends with it
  bool only_member = false;     ///< dropped if the client has left the room
  credit source = {};           ///< of the client whose command caused it
  credit own = {};              ///< of the room's own output
};

/// All that a room has said in a tick to a loop that is not its own: so its members get it in one
/// write.
struct tick_output {
  std::vector<std::variant<subscribe, fan_out, member_frame>> all; ///< in the order of the room
};

/// The last frame of a session, sent after everything that these rooms have sent before. Then the
/// session closes.
struct last_frame {
  std::vector<room_key> rooms;
  session_key who;
  protocol::shared_bytes frame; ///< may be empty: the close code says it all
  protocol::errc why = protocol::errc::ok;
};

/// The room has ended with members in it.
struct room_closed {
  room_key room;
  room_end reason = room_end::ended;
};

/// A session that has come back has been told so: it gets what these rooms have for it, also if it
/// has left them by now.
struct release_session {
  session_key who;
  std::vector<room_key> rooms;
};

/// The session gets nothing more of that room, not even that it has left.
struct drop_membership {
  room_key room;
  session_key who;
};

/// The node stops: these sessions say goodbye, after everything that rooms have sent so far.
struct drain_sessions {
  std::vector<session_key> who;
  bool restart = false;
};

// -- sessions that come back ----------------------------------------------------------------------

/// What a session leaves to the connection that takes it over.
struct session_record {
  struct room {
    std::string name;
    kept_profile_ptr profile; ///< raw map in `codec`; null: its former member has it
  };
  std::string user_id;
  client_id client;
  claims_ptr claims;
  protocol::codec codec = protocol::codec::json;
  std::vector<room> rooms; ///< in the order of joining
  /// Whose memberships still stand: whoever has the record ends them. Nobody's: they have ended.
  session_key member;
  session_key away;          ///< as which it may have seats in its rooms; nobody's: it has none
  session_key former;        ///< a name that still finds it beside its own; none: there is none
  std::uint64_t address = 0; ///< as `connection_info::address`
  std::shared_ptr<direct_inbox> directs{};       ///< null: it has got none
  std::shared_ptr<accepted_ids> taken_directs{}; ///< of those that it has sent; null: none
};

/// From a connection to the directory of the loop that the name names: give me that session.
struct session_claim {
  session_name name;
  session_key who;
  caf::strong_actor_ptr from; ///< the connection
  std::string user_id;        ///< whose it must be; empty: anybody's
  std::uint64_t opened = 0;   ///< how many connections were opened before it, of the node
};

/// From a directory to another one: a session has moved there. The secret has been checked.
struct take_session {
  session_key key;
  std::string user_id; ///< as above
};

/// From a directory to the connection that has the session.
struct hand_over {
  std::string user_id; ///< as above
};

/// The session, or why there is none: `session_gone`, `identity_mismatch`.
struct session_answer {
  protocol::errc code = protocol::errc::session_gone;
  std::shared_ptr<session_record> record; ///< null unless `code` is `ok`
};

/// From a connection to a directory: the string by which it has taken its session over is not to
/// be valid any more.
struct forget_name {
  session_key key;
};

// -- to all sessions of a user --------------------------------------------------------------------

/// From a connection, or from outside, to the directory of each loop.
struct direct_call {
  direct_ptr what;
  std::shared_ptr<direct_fate> fate; ///< null: it has been told already
};

/// From a directory to each connection of the user.
struct take_direct {
  direct_ptr what;
};
/// `ok`: the client will get it; `forbidden`; `user_away`: this client gets nothing more.
struct direct_reply {
  protocol::errc code = protocol::errc::user_away;
};

/// To the connection that has sent it.
struct direct_answer {
  std::uint32_t ticket = 0;
  protocol::errc code = protocol::errc::user_away;
};

/// From outside to the directory of each loop.
struct user_call {
  enum class kind : std::uint8_t {
    disconnect,    ///< end all connections and all that is kept
    drop_sessions, ///< end what is kept
    count,
  };
  std::string user;
  kind what = kind::count;
  std::shared_ptr<user_count> count{}; ///< null unless they are counted
};

/// To a connection: it ends, and so does its session.
struct end_session {};

// -- about seats: the other messages are in matchmaking.hpp ---------------------------------------

/// To the connection whose client has said `$reserve`.
struct reserve_answer {
  std::string ref; ///< raw, in the client's codec; empty: none
  reservation_result result;
};

// -- to connection --------------------------------------------------------------------------------

/// A close has begun, of either side: nothing more comes from the client, and nothing goes to it.
struct session_closing {
  std::uint16_t code = 1006; ///< of the peer's close frame; 1006: it has sent none
  std::string error;         ///< why the server closes; empty if the peer or the application does
};
/// How a socket ended. Rooms ignore it; an endpoint's handlers receive it.
struct session_closed {
  std::uint16_t code = 1006;
  std::string reason;
  std::string error; ///< why the server ended it; empty if the peer did
};
/// The peer has answered a ping; sent to endpoints only.
struct pong_received {
  std::string payload;
};
struct heartbeat {};
struct say_goodbye {
  bool restart = false;
};
/// The client is no longer a member: its dispatcher has told it that the room ended, or the room
/// has kicked it.
struct membership_lost {
  room_key room;
  /// The answer to commands that the room will not answer.
  protocol::errc answer = protocol::errc::room_closed;
};

struct join_answer;

} // namespace troupe::actors

#define TROUPE_MESSAGE(name)                               \
  CAF_ADD_TYPE_ID(troupe_messages, (troupe::actors::name)) \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::name)

CAF_BEGIN_TYPE_ID_BLOCK(troupe_messages, 4010)
TROUPE_MESSAGE(inbound)
TROUPE_MESSAGE(room_input)
TROUPE_MESSAGE(leave_request)
TROUPE_MESSAGE(claims_renewed)
TROUPE_MESSAGE(presence_request)
TROUPE_MESSAGE(work_due)
TROUPE_MESSAGE(history_request)
TROUPE_MESSAGE(replay_wanted)
TROUPE_MESSAGE(await_handled)
TROUPE_MESSAGE(outside_event)
TROUPE_MESSAGE(outside_request)
TROUPE_MESSAGE(endpoint_broadcast)
TROUPE_MESSAGE(end_room)
TROUPE_MESSAGE(entry_waits)
TROUPE_MESSAGE(room_empty)
TROUPE_MESSAGE(room_call)
TROUPE_MESSAGE(end_request)
TROUPE_MESSAGE(end_oldest_lingering)
TROUPE_MESSAGE(stop_shard)
TROUPE_MESSAGE(subscribe)
TROUPE_MESSAGE(fan_out)
TROUPE_MESSAGE(member_frame)
TROUPE_MESSAGE(last_frame)
TROUPE_MESSAGE(room_closed)
TROUPE_MESSAGE(drain_sessions)
TROUPE_MESSAGE(session_closed)
TROUPE_MESSAGE(pong_received)
TROUPE_MESSAGE(heartbeat)
TROUPE_MESSAGE(say_goodbye)
TROUPE_MESSAGE(membership_lost)
TROUPE_MESSAGE(join_answer)
TROUPE_MESSAGE(session_closing)
TROUPE_MESSAGE(release_session)
TROUPE_MESSAGE(drop_membership)
TROUPE_MESSAGE(session_claim)
TROUPE_MESSAGE(take_session)
TROUPE_MESSAGE(hand_over)
TROUPE_MESSAGE(session_answer)
TROUPE_MESSAGE(forget_name)
TROUPE_MESSAGE(direct_call)
TROUPE_MESSAGE(take_direct)
TROUPE_MESSAGE(direct_reply)
TROUPE_MESSAGE(direct_answer)
TROUPE_MESSAGE(user_call)
TROUPE_MESSAGE(end_session)
TROUPE_MESSAGE(outside_task)
TROUPE_MESSAGE(tick_output)
TROUPE_MESSAGE(reserve_call)
TROUPE_MESSAGE(list_call)
TROUPE_MESSAGE(hold_answer)
TROUPE_MESSAGE(room_report)
TROUPE_MESSAGE(unlist_room)
TROUPE_MESSAGE(reserve_answer)
CAF_END_TYPE_ID_BLOCK(troupe_messages)

#undef TROUPE_MESSAGE

namespace troupe::actors {

// -- interfaces: one line per message -------------------------------------------------------------

using room_actor = compat::typed_actor<
  // The shard has put an entry into the room's cell.
  caf::result<void>(entry_waits),
  // A member leaves; does nothing for non-members.
  caf::result<void>(leave_request),
  // A member publishes.
  caf::result<void>(room_input),
  // A member has new claims; does nothing for non-members.
  caf::result<void>(claims_renewed),
  // A member asks who is in the room.
  caf::result<void>(presence_request),
  // It is time for something that the room has put off.
  caf::result<void>(work_due),
  // A member asks what was said.
  caf::result<void>(history_request),
  // A member that catches up takes more.
  caf::result<void>(replay_wanted),
  // A connection is about to change rooms: answers whether the room has handled its messages.
  caf::result<bool>(await_handled),
  // Somebody outside publishes.
  caf::result<void>(outside_event),
  // Somebody outside asks a user.
  caf::result<void>(outside_request),
  // Somebody outside wants something else.
  caf::result<void>(outside_task),
  // Another actor looks for this room.
  caf::result<caf::strong_actor_ptr>(interface_ref),
  // The shard has ended the room.
  caf::result<void>(end_room)>;

/// A room as dispatchers and connections know it.
struct room_identity {
  room_key key;
  std::string name;
  room_actor handle; ///< null: an endpoint, which nobody joins
};

/// Gives an endpoint's broadcasts to the dispatchers.
using endpoint_actor = compat::typed_actor<caf::result<void>(endpoint_broadcast)>;

/// The result of a join, for the connection's own table of rooms.
struct join_answer {
  std::uint32_t ticket = 0;
  join_reply reply;
  room_actor room; ///< null if it was refused
};

using registry_actor = compat::typed_actor<
  // A client or a CAF actor enters a room (made if need be), or takes that back.
  caf::result<void>(room_call),
  // A room ends: in order, or because its last member left.
  caf::result<void>(end_request), caf::result<void>(room_empty),
  // A broadcast, a question or another task from outside, passed on to the room if it exists.
  caf::result<void>(outside_event), caf::result<void>(outside_request),
  caf::result<void>(outside_task),
  // Another actor looks for a room.
  caf::result<caf::strong_actor_ptr>(std::string, interface_ref),
  // Another shard needs a place for a room.
  caf::result<void>(end_oldest_lingering),
  // Ends all rooms, and makes no more.
  caf::result<void>(stop_shard)>;

using dispatcher_actor = compat::typed_actor<caf::result<void>(subscribe),
                                             // To all members on this loop.
                                             caf::result<void>(fan_out),
                                             // To one member on this loop.
                                             caf::result<void>(member_frame),
                                             // To members on this loop, all at once.
                                             caf::result<void>(tick_output),
                                             // To one session on this loop, which ends with it.
                                             caf::result<void>(last_frame),
                                             // A room has ended with members in it.
                                             caf::result<void>(room_closed),
                                             // A session has come back.
                                             caf::result<void>(release_session),
                                             // A session is to hear no more of a room.
                                             caf::result<void>(drop_membership),
                                             // The node stops.
                                             caf::result<void>(drain_sessions)>;

using directory_actor = compat::typed_actor<
  // A connection wants a session of this loop.
  caf::result<void>(session_claim),
  // Another directory wants one, whose name it has checked.
  caf::result<session_answer>(take_session),
  // A name is not valid any more.
  caf::result<void>(forget_name),
  // Somebody says something to all sessions of a user.
  caf::result<void>(direct_call),
  // The application asks for something about a user.
  caf::result<void>(user_call)>;

/// Leads wishes for a seat in the rooms of one pattern to rooms.
using matchmaker_actor = compat::typed_actor<
  // Somebody wants a seat, or a page of the rooms.
  caf::result<void>(reserve_call), caf::result<void>(list_call),
  // A room holds a seat, or does not.
  caf::result<void>(hold_answer),
  // How a room stands, and that it is no more.
  caf::result<void>(room_report), caf::result<void>(unlist_room)>;

using connection_actor = compat::typed_actor<
  // The client sent a message.
  caf::result<void>(inbound),
  // A join was accepted or refused.
  caf::result<void>(join_answer),
  // A close has begun.
  caf::result<void>(session_closing),
  // The socket is gone.
  caf::result<void>(session_closed),
  // The heartbeat timer has fired: checks on the peer.
  caf::result<void>(heartbeat),
  // The node stops.
  caf::result<void>(say_goodbye),
  // A room has ended or has kicked the client.
  caf::result<void>(membership_lost),
  // The client has answered a ping.
  caf::result<void>(pong_received),
  // The session that it has claimed, or none.
  caf::result<void>(session_answer),
  // Another connection takes its session over: gives up all that it has.
  caf::result<session_answer>(hand_over),
  // Somebody says something to its user.
  caf::result<direct_reply>(take_direct),
  // What has become of a direct that its client has sent.
  caf::result<void>(direct_answer),
  // The application ends its session.
  caf::result<void>(end_session),
  // What has become of a `$reserve` of its client.
  caf::result<void>(reserve_answer)>;

} // namespace troupe::actors

namespace troupe::compat {

template <class T>
struct dispatched_base<actors::room_actor, T> {
  using type = dispatched<actors::room_actor::base, actors::room_input, actors::entry_waits,
                          actors::leave_request>;
};
template <class T>
struct dispatched_base<actors::dispatcher_actor, T> {
  using type = dispatched<actors::dispatcher_actor::base, actors::subscribe, actors::fan_out,
                          actors::member_frame>;
};
template <class T>
struct dispatched_base<actors::connection_actor, T> {
  using type = dispatched<actors::connection_actor::base, actors::inbound, actors::join_answer,
                          actors::heartbeat>;
};

} // namespace troupe::compat
