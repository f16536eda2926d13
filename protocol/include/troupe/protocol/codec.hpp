#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::protocol {

/// How one message's bytes are written.
enum class codec : std::uint8_t { json = 0, msgpack = 1 };

/// What one client is sent: a dialect in a codec. Values are small and dense, so that arrays can be indexed by them.
///
/// `plain_json` is the client that offered no subprotocol: it gets the bare frames of the original `ws` chat and room servers.
enum class encoding : std::uint8_t { v1_json = 0, v1_msgpack = 1, plain_json = 2 };

inline constexpr std::size_t encoding_count = 3;

[[nodiscard]] constexpr codec codec_of(encoding e) noexcept {
  return e == encoding::v1_msgpack ? codec::msgpack : codec::json;
}

[[nodiscard]] constexpr std::size_t index_of(encoding e) noexcept { return static_cast<std::size_t>(e); }

} // namespace troupe::protocol
