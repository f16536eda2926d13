#pragma once

#include <cstddef>

namespace troupe::protocol {

/// What `message_limits::max_depth` can be at most; larger values count as this one.
inline constexpr std::size_t max_supported_depth = 256;

/// Bounds of one message. Sources: PROTOCOL.md, "Limits"; RFC 7493 for the number range.
struct message_limits {
  std::size_t max_message_bytes = 64 * 1024; ///< whole message, as received; 0 lifts it
  std::size_t max_depth = 32;                ///< nested containers, the envelope included
  std::size_t max_ref_bytes = 64;            ///< `ref`, `id` and `key` as UTF-8 strings
  std::size_t max_type_bytes = 128;          ///< `type`
};

inline constexpr std::size_t max_room_name_bytes = 128;

} // namespace troupe::protocol
