#pragma once

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::actors {

/// What a server-side member is told. Local to the process: it cannot be serialized.
///
/// A copy holds the event's credit: a member that keeps more than its credit (by default 1,024
/// events) falls under its policy.
struct room_event {
  /// What it tells. The numbers do not change.
  enum class kind : std::uint8_t {
    joined = 0,  ///< the actor is a member now
    frame = 1,   ///< a broadcast, as a troupe.v1 JSON client would get it
    gap = 2,     ///< `dropped` events were lost here, because the actor was behind
    closed = 3,  ///< the room has ended, or the actor was removed for being behind; nothing follows
    refused = 4, ///< the room could not be entered; nothing follows
  };
  kind what = kind::frame;
  room_key room{};
  std::string name{};             ///< of the room
  protocol::shared_bytes bytes{}; ///< the whole WebSocket frame of a `frame`
  std::uint64_t dropped = 0;      ///< events, of a `gap`
  credit token{};

  /// The JSON text of a `frame`; empty otherwise.
  [[nodiscard]] std::string_view json() const noexcept;
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
