#pragma once

#include <string>
#include <string_view>

namespace troupe::protocol {

/// Whether `text` is padded base64 in the standard alphabet with zero trailing bits: the one way to
/// write its bytes (RFC 4648, 3.5).
[[nodiscard]] bool is_canonical_base64(std::string_view text) noexcept;

void append_base64(std::string& out, std::string_view bytes);

/// Appends the bytes that canonical base64 stands for.
void append_from_base64(std::string& out, std::string_view text);

} // namespace troupe::protocol
