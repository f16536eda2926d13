#pragma once

#include "messages/owned_event.hpp"

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/claims.hpp>
#include <troupe/actors/clock.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/dispatched.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_event.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

// What actors say to each other. None of it leaves the process, so none of it can be serialized.

namespace troupe::actors {

/// A `ref` that waits for its answer; shared by the connection that took the command and the room
/// that answers it.
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

/// One client's wish to enter a room. The room answers the connection by `join_answer`; a client
/// that was admitted hears of it from its dispatcher.
struct join_request {
  std::uint32_t ticket = 0;      ///< names the wish at its connection
  std::uint8_t failed_rooms = 0; ///< that ended before they handled it
  caf::strong_actor_ptr from;    ///< the connection
  session_key who;
  std::string user_id;
  protocol::encoding encoding = protocol::encoding::plain_json;
  std::string profile; ///< raw map in the client's codec, empty if none
  claims_ptr claims;
  /// Never null; without a value if the command had none.
  open_ref_ptr ref = std::make_shared<open_ref>();
  bool has_since = false;
  bool automatic = false; ///< by the node (the lobby): a plain client is not told `joined`
  credit token;
};

/// What a room decides about a join.
struct join_reply {
  protocol::errc code = protocol::errc::ok;
  std::string detail;
  room_key room; ///< none: refused, or let in and thrown out again
};

/// A member's `message`, binary message or application message.
struct room_input {
  enum class kind : std::uint8_t { message, binary, application };
  kind what = kind::message;
  session_key who;
  protocol::encoding encoding = protocol::encoding::plain_json;
  protocol::shared_bytes bytes; ///< the whole message; `body` points into it
  protocol::body_field field = protocol::body_field::none;
  std::string_view body;
  std::string type; ///< application messages only
  bool echo = true;
  open_ref_ptr ref;
  credit token;
};

struct leave_request {
  session_key who;
  leave_reason reason = leave_reason::left;
  bool answer = false; ///< whether the client is to get `left`
  open_ref_ptr ref;
  credit token; ///< of the command; none if the connection was lost
};

/// A member has brought a fresh token.
struct claims_renewed {
  session_key who;
  claims_ptr claims;
  credit token; ///< of the `auth`, until the room knows
};

/// Asks a room for an answer once it has handled all that the asker sent before: whether it has, or
/// ends instead.
struct await_handled {
  session_key who; ///< whose connection asks
};

/// A broadcast from outside the room.
struct outside_event {
  std::string room;
  std::shared_ptr<const owned_event> event;
  credit token;
};

/// A CAF actor's wish to become a server-side member.
struct observe_request {
  std::uint8_t failed_rooms = 0; ///< that ended before they handled it
  caf::actor who;
  observer_options options;
};

/// A server-side member leaves.
struct unobserve_request {
  caf::actor who;
};

/// Everything that enters a room, or leaves it while it may still be entering.
using room_entry = std::variant<join_request, leave_request, observe_request, unobserve_request>;

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

/// From the shard to the room: the next entry lies in its cell.
struct entry_waits {};

// -- to registry shard ----------------------------------------------------------------------------

/// The room has no member left.
struct room_empty {
  std::string name;
  room_key room;
  std::uint64_t entries = 0; ///< that it has handled: the shard may have handed on more
};

/// A room is to end.
struct end_request {
  std::string name;
  room_key room; ///< none: whichever has the name
  room_end reason = room_end::ended;
};

/// Somebody wants to enter the room of that name, which is made if need be.
struct room_call {
  std::string room;
  room_entry entry;
};

struct stop_shard {};

// -- room to dispatcher ---------------------------------------------------------------------------

struct room_identity;
using room_identity_ptr = std::shared_ptr<const room_identity>;

/// A member on the dispatcher's loop: it gets `first`, and from then on what the room says.
struct subscribe {
  room_identity_ptr room;
  session_key who;
  protocol::encoding encoding = protocol::encoding::plain_json;
  protocol::shared_bytes first; ///< may be empty
  /// The client is in one room at a time: from here on it gets nothing of the one before.
  bool only_room = false;
};

/// One broadcast on its way to a loop's members: a complete frame for each encoding in use.
struct fan_out {
  room_key room;
  std::array<protocol::shared_bytes, protocol::encoding_count> frames;
  session_key except; ///< a member that does not get it, or nobody
  credit source;      ///< of the client that sent it
  credit own;         ///< of the room's own output
  /// When the room heard what this answers; `max`: its time is not measured.
  steady_time at = steady_time::max();
};

/// A frame for one member, after all that the room has said before.
struct member_frame {
  room_key room;
  session_key who;
  protocol::shared_bytes frame; ///< may be empty (plain clients have no `left`)
  bool remove = false;          ///< the membership ends with it
  bool only_member = false;     ///< dropped if it is in another room by now
  credit source = {};           ///< of the client whose command caused it
  credit own = {};              ///< of the room's own output
};

/// The room has ended with members in it.
struct room_closed {
  room_key room;
  room_end reason = room_end::ended;
};

/// The node stops: these sessions are to say goodbye, after all that rooms have said so far.
struct drain_sessions {
  std::vector<session_key> who;
  bool restart = false;
};

// -- to connection --------------------------------------------------------------------------------

/// How a socket ended; the rooms of a connection do not mind, an endpoint's handlers are told.
struct session_closed {
  std::uint16_t code = 1006;
  std::string reason;
  std::string error; ///< why the server ended it; empty if the peer did
};
/// The peer has answered a ping; told to endpoints only.
struct pong_received {
  std::string payload;
};
struct heartbeat {};
struct say_goodbye {
  bool restart = false;
};
/// The client is no member any more: its dispatcher has told it that the room ended, or the room
/// has thrown it out.
struct membership_lost {
  room_key room;
  /// To commands that the room will not answer.
  protocol::errc answer = protocol::errc::room_closed;
};

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::inbound)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::room_input)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::leave_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::claims_renewed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::await_handled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::outside_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::end_room)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::entry_waits)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::room_empty)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::room_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::end_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::stop_shard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::subscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::fan_out)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::member_frame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::room_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::drain_sessions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::session_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pong_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::heartbeat)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::say_goodbye)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::membership_lost)

namespace troupe::actors {

// -- interfaces: one line per message -------------------------------------------------------------

using room_actor = compat::typed_actor<
  // The shard has put an entry into the room's cell.
  caf::result<void>(entry_waits),
  // A member goes; does nothing for others.
  caf::result<void>(leave_request),
  // A member publishes.
  caf::result<void>(room_input),
  // A member's claims are others from here on; does nothing for others.
  caf::result<void>(claims_renewed),
  // A connection that is about to change rooms wants to know that its messages were ordered:
  // whether they were.
  caf::result<bool>(await_handled),
  // Somebody outside publishes.
  caf::result<void>(outside_event),
  // The shard has ended the room.
  caf::result<void>(end_room)>;

/// A room as dispatchers and connections know it.
struct room_identity {
  room_key key;
  std::string name;
  room_actor handle;
};

/// To the connection, for its own table: what became of its join.
struct join_answer {
  std::uint32_t ticket = 0;
  join_reply reply;
  room_actor room; ///< null if it was refused
};

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::join_answer)

namespace troupe::actors {

using registry_actor = compat::typed_actor<
  // A client or a CAF actor enters a room (made if need be), or takes that back.
  caf::result<void>(room_call),
  // A room ends: in order, or because its last member left.
  caf::result<void>(end_request), caf::result<void>(room_empty),
  // From outside, passed on to the room if it exists.
  caf::result<void>(outside_event),
  // Ends all rooms, and makes no more.
  caf::result<void>(stop_shard)>;

using dispatcher_actor = compat::typed_actor<caf::result<void>(subscribe),
                                             // To all members on this loop.
                                             caf::result<void>(fan_out),
                                             // To one member on this loop.
                                             caf::result<void>(member_frame),
                                             // A room has ended with members in it.
                                             caf::result<void>(room_closed),
                                             // The node stops.
                                             caf::result<void>(drain_sessions)>;

using connection_actor = compat::typed_actor<
  // The client sent a message.
  caf::result<void>(inbound),
  // A join was accepted or refused.
  caf::result<void>(join_answer),
  // The socket is gone.
  caf::result<void>(session_closed),
  // The wheel says it is time to look after the peer.
  caf::result<void>(heartbeat),
  // The node stops.
  caf::result<void>(say_goodbye),
  // A room has ended or thrown the client out.
  caf::result<void>(membership_lost),
  // The client has answered a ping.
  caf::result<void>(pong_received)>;

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
