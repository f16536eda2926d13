#pragma once

#include <cstddef>

namespace troupe::protocol {

/// The largest `message_limits::max_depth`; larger values count as this one.
inline constexpr std::size_t max_supported_depth = 256;

/// The depth that a limit of `max_depth` allows; 0 and too large values: `max_supported_depth`.
[[nodiscard]] constexpr std::size_t supported_depth(std::size_t max_depth) noexcept {
  return max_depth == 0 || max_depth > max_supported_depth ? max_supported_depth : max_depth;
}

/// The size of the largest supported message, also where `message_limits::max_message_bytes` is
/// lifted. In the other codec it may be seven times as large, which still fits a frame
/// (`shared_bytes::max_bytes`).
inline constexpr std::size_t max_supported_message_bytes = std::size_t{512} * 1024 * 1024;

/// Bounds of one message; 0 lifts each. Sources: PROTOCOL.md, "Limits"; RFC 7493 for the number
/// range.
struct message_limits {
  /// The whole message, as received; if lifted, servers use `max_supported_message_bytes`.
  std::size_t max_message_bytes = 64 * 1024;
  /// Nested containers, the envelope included; if lifted: `max_supported_depth`.
  std::size_t max_depth = 32;
  std::size_t max_ref_bytes = 64;   ///< `ref`, `id` and `key` as UTF-8 strings
  std::size_t max_type_bytes = 128; ///< `type`
  /// `profile` as received; it is kept as long as the membership.
  std::size_t max_profile_bytes = 4 * 1024;

  /// The size of the largest message that is accepted.
  [[nodiscard]] constexpr std::size_t largest_message() const noexcept {
    auto lifted = max_message_bytes == 0 || max_message_bytes > max_supported_message_bytes;
    return lifted ? max_supported_message_bytes : max_message_bytes;
  }
};

inline constexpr std::size_t max_room_name_bytes = 128;

} // namespace troupe::protocol
