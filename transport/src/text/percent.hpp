#pragma once

#include <string>
#include <string_view>

namespace troupe::transport {

/// Percent-decodes a key or value of a query as `URLSearchParams` does: `+` is a space, text that
/// is no escape stands for itself.
[[nodiscard]] std::string decode_query_text(std::string_view text);

} // namespace troupe::transport
