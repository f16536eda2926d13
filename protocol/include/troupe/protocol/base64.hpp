#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// Whether `text` is padded base64 in the standard alphabet with zero trailing bits. There is only
/// one such text for any bytes (RFC 4648, 3.5).
[[nodiscard]] bool is_canonical_base64(std::string_view text) noexcept;

/// Appends `bytes` in the standard alphabet, padded (RFC 4648, 4). Errors: `std::bad_alloc`.
void append_base64(std::string& out, std::string_view bytes);

/// Decodes canonical base64 and appends the bytes. Errors: `std::bad_alloc`.
void append_from_base64(std::string& out, std::string_view text);

/// Decodes base64url without padding; returns nothing unless `text` is canonical (RFC 4648, 3.5 and
/// 5). Errors: `std::bad_alloc`.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

} // namespace troupe::protocol
