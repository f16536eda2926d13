#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::protocol {

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// The character at the start of a text. If none is well-formed there, `valid` is false and `bytes`
/// is 1.
struct code_point {
  char32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

/// Precondition: `text` is not empty.
[[nodiscard]] code_point first_code_point(std::string_view text) noexcept;

void append_utf8(std::string& out, char32_t c);

/// Appends `text`; replaces each byte that belongs to no valid character by U+FFFD.
void append_repaired(std::string& out, std::string_view text);

/// The longest prefix of whole characters of at most `max_bytes`.
[[nodiscard]] std::string_view cut_utf8(std::string_view text, std::size_t max_bytes) noexcept;

/// C0, DEL and C1.
[[nodiscard]] bool is_control(char32_t c) noexcept;
/// The characters that change the direction of the text around them.
[[nodiscard]] bool is_bidi_control(char32_t c) noexcept;
/// The Unicode property White_Space.
[[nodiscard]] bool is_white_space(char32_t c) noexcept;

/// Whether a name holds no control and no bidi-control character. Precondition: valid UTF-8.
[[nodiscard]] bool is_plain_text(std::string_view text) noexcept;

} // namespace troupe::protocol
