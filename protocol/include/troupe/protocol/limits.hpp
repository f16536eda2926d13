#pragma once

#include <cstddef>

namespace troupe::protocol {

/// What `message_limits::max_depth` can be at most; larger values count as this one.
inline constexpr std::size_t max_supported_depth = 256;

/// How deep a message can be where that is the limit.
[[nodiscard]] constexpr std::size_t supported_depth(std::size_t max_depth) noexcept {
  return max_depth == 0 || max_depth > max_supported_depth ? max_supported_depth : max_depth;
}

/// What one message can have at most, also where `message_limits::max_message_bytes` is lifted:
/// seven times as much, which it may take in the other codec, still fits a frame
/// (`shared_bytes::max_bytes`).
inline constexpr std::size_t max_supported_message_bytes = std::size_t{512} * 1024 * 1024;

/// Bounds of one message; 0 lifts each. Sources: PROTOCOL.md, "Limits"; RFC 7493 for the number
/// range.
struct message_limits {
  /// Whole message, as received; lifted: `max_supported_message_bytes`.
  std::size_t max_message_bytes = 64 * 1024;
  /// Nested containers, the envelope included; lifted: `max_supported_depth`.
  std::size_t max_depth = 32;
  std::size_t max_ref_bytes = 64;   ///< `ref`, `id` and `key` as UTF-8 strings
  std::size_t max_type_bytes = 128; ///< `type`
  /// `profile` as it came, which is kept as long as the membership.
  std::size_t max_profile_bytes = 4 * 1024;

  /// The largest message that is taken.
  [[nodiscard]] constexpr std::size_t largest_message() const noexcept {
    auto lifted = max_message_bytes == 0 || max_message_bytes > max_supported_message_bytes;
    return lifted ? max_supported_message_bytes : max_message_bytes;
  }
};

inline constexpr std::size_t max_room_name_bytes = 128;

} // namespace troupe::protocol
