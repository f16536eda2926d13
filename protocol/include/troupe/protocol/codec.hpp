#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::protocol {

/// How one message's bytes are written.
enum class codec : std::uint8_t { json = 0, msgpack = 1 };

inline constexpr std::size_t codec_count = 2;

[[nodiscard]] constexpr std::size_t index_of(codec c) noexcept {
  return static_cast<std::size_t>(c);
}

/// How one client's frames are encoded: a dialect in a codec, deflated or not. Values are small and
/// dense, so that they can index arrays.
///
/// `plain_json` is for clients that offered no subprotocol: they get the bare frames of the
/// original `ws` chat and room servers. The deflated ones are for clients that negotiated
/// permessage-deflate (RFC 7692) in a way that lets one frame serve all of them.
enum class encoding : std::uint8_t {
  v1_json = 0,
  v1_msgpack = 1,
  plain_json = 2,
  v1_json_deflated = 3,
  v1_msgpack_deflated = 4,
  plain_json_deflated = 5,
};

inline constexpr std::size_t plain_encoding_count = 3; ///< those that are not deflated
inline constexpr std::size_t encoding_count = 2 * plain_encoding_count;

[[nodiscard]] constexpr std::size_t index_of(encoding e) noexcept {
  return static_cast<std::size_t>(e);
}

[[nodiscard]] constexpr bool is_deflated(encoding e) noexcept {
  return index_of(e) >= plain_encoding_count;
}

/// The same dialect and codec, not deflated.
[[nodiscard]] constexpr encoding inflated(encoding e) noexcept {
  return is_deflated(e) ? static_cast<encoding>(index_of(e) - plain_encoding_count) : e;
}

/// The same dialect and codec, deflated.
[[nodiscard]] constexpr encoding deflated(encoding e) noexcept {
  return is_deflated(e) ? e : static_cast<encoding>(index_of(e) + plain_encoding_count);
}

/// Whether the client offered no subprotocol.
[[nodiscard]] constexpr bool is_plain(encoding e) noexcept {
  return inflated(e) == encoding::plain_json;
}

[[nodiscard]] constexpr codec codec_of(encoding e) noexcept {
  return inflated(e) == encoding::v1_msgpack ? codec::msgpack : codec::json;
}

} // namespace troupe::protocol
