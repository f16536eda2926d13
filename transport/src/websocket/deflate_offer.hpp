#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe::transport {

/// What a server and its client have agreed on for permessage-deflate.
struct deflate_agreement {
  /// Value of the answer's `Sec-WebSocket-Extensions`.
  std::string answer;
  /// Whether the client's window is large enough for frames that are deflated once for all: 15
  /// bits.
  bool takes_deflated_frames = true;
};

/// Agrees on the first offer of permessage-deflate that keeps RFC 7692 (7.1); nothing if there is
/// none.
///
/// `headers`: the values of all `Sec-WebSocket-Extensions` headers of the request, in their order.
/// Offers of other extensions are passed over, and so is one with a parameter that is unknown,
/// doubled or malformed. The answer always asks for no context takeover on both sides, and repeats
/// the windows that the offer tells.
///
/// Errors: `std::bad_alloc`. Thread: any.
[[nodiscard]] std::optional<deflate_agreement> agree_on_deflate(
  std::span<const std::string_view> headers);

} // namespace troupe::transport
