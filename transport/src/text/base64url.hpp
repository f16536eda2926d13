#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// The bytes of base64url without padding; nothing unless `text` is the one way to write them (RFC
/// 4648, 3.5 and 5).
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

} // namespace troupe::transport
