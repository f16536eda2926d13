#pragma once

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::actors {

/// What an actor is told that watches a room (`node::observe`) or is a member of it (`node::join`).
/// Local to the process: it cannot be serialized.
///
/// A copy holds the event's credit: a member that keeps more than its credit (by default 1,024
/// events) falls under its policy.
struct room_event {
  /// What it tells. The numbers do not change.
  enum class kind : std::uint8_t {
    joined = 0, ///< the actor is a member now
    /// A broadcast, as a troupe.v1 JSON client would get it; of a member, all that a client would
    /// get, in its codec, but for what tells the other kinds.
    frame = 1,
    gap = 2, ///< `dropped` events were lost here, because the actor was behind
    /// The room has ended, or the actor is no member any more: it has left, was kicked, or was
    /// removed for being behind. Nothing follows.
    closed = 3,
    refused = 4, ///< the room could not be entered; nothing follows
  };
  kind what = kind::frame;
  room_key room{};    ///< for observers: members know it by its name
  std::string name{}; ///< of the room
  /// The whole WebSocket frame of a `frame`; of a member also that of a `joined`, `closed` or
  /// `refused`, if a message has told it.
  protocol::shared_bytes bytes{};
  std::uint64_t dropped = 0; ///< events, of a `gap`
  credit token{};
  protocol::codec codec{}; ///< of `bytes`

  /// The message in `bytes`, in `codec`; empty if there is none.
  [[nodiscard]] std::string_view payload() const noexcept;
  /// The same as JSON text; empty if it is in another codec.
  [[nodiscard]] std::string_view json() const noexcept {
    return codec == protocol::codec::json ? payload() : std::string_view{};
  }
  /// Its fields, which live as long as `bytes`.
  [[nodiscard]] protocol::document_view fields() const noexcept { return {codec, payload()}; }
  /// Its `type`; empty if there is no message.
  [[nodiscard]] std::string type() const;
  /// What a binary message brings; empty for others.
  [[nodiscard]] std::string_view binary() const noexcept;
};

/// What happens to a server-side member that is behind by its whole credit.
enum class behind_policy : std::uint8_t { drop = 0, remove = 1 };

/// How far a server-side member may be behind.
struct observer_options {
  std::int64_t max_events = 1024; ///< 0: any number
  behind_policy policy = behind_policy::drop;
};

} // namespace troupe::actors

CAF_BEGIN_TYPE_ID_BLOCK(troupe, 4000)
CAF_ADD_TYPE_ID(troupe, (troupe::actors::room_event))
CAF_END_TYPE_ID_BLOCK(troupe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::room_event)
