#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe::transport {

/// A part of a body.
struct byte_range {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0; ///< 0: it lies behind the end, or the body is empty
};

/// The part of a body of `size` bytes that a header `Range` asks for. Nothing if it asks for
/// several at once, for the last bytes of an empty body, or is no range of bytes: then it is
/// ignored. Source: RFC 9110, 14.1 and 14.2.
[[nodiscard]] std::optional<byte_range> requested_range(std::string_view range, std::uint64_t size);

} // namespace troupe::transport
