#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Percent-decodes a key or value of a query as `URLSearchParams` does: `+` is a space, text that
/// is no escape stands for itself.
[[nodiscard]] std::string decode_query_text(std::string_view text);

/// Percent-decodes a path; nothing if an escape is malformed, or the path holds a zero byte.
[[nodiscard]] std::optional<std::string> decode_path_text(std::string_view text);

} // namespace troupe::transport
