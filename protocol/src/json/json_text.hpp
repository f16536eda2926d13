#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace troupe::protocol {

/// A scalar or key of a JSON text.
struct json_token {
  enum class kind : std::uint8_t { string, integer, real, boolean, null };

  kind what = kind::null;
  bool escaped = false; ///< a string with at least one escape
  std::string_view raw; ///< strings with their quotes

  /// Precondition: a string.
  [[nodiscard]] std::string_view inner() const noexcept { return raw.substr(1, raw.size() - 2); }
};

/// The token that a validated scalar is.
[[nodiscard]] json_token token_of_json(std::string_view raw) noexcept;

/// The first byte of [at, end) that a string must escape: a quote, a backslash or a control
/// character; `end` if there is none.
[[nodiscard]] inline const char* find_special(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto is = [&](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    const auto is_control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const auto marks = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is('"'), is('\\')), is_control));
    if (marks != 0)
      return at + std::countr_zero(static_cast<unsigned>(marks));
  }
#endif
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  // Each test marks all bytes that match. It may mark others above them, so only the lowest mark
  // counts.
  while (std::endian::native == std::endian::little && end - at >= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    const auto zero_in = [](std::uint64_t w) { return (w - ones) & ~w; };
    const auto marks =
      (zero_in(word ^ ones * '"') | zero_in(word ^ ones * '\\') | ((word - ones * 0x20) & ~word))
      & highs;
    if (marks != 0)
      return at + std::countr_zero(marks) / 8;
    at += 8;
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<std::uint8_t>(*at) >= 0x20)
    ++at;
  return at;
}

/// The value of four hexadecimal digits; nothing if one is not a digit.
[[nodiscard]] std::optional<char32_t> parse_hex4(std::string_view digits) noexcept;

[[nodiscard]] constexpr bool is_high_surrogate(char32_t c) noexcept {
  return c >= 0xd800 && c <= 0xdbff;
}
[[nodiscard]] constexpr bool is_low_surrogate(char32_t c) noexcept {
  return c >= 0xdc00 && c <= 0xdfff;
}

/// Unescapes the inside of a valid string and appends it. Each lone surrogate becomes U+FFFD;
/// returns false if there is one.
bool append_unescaped(std::string& out, std::string_view inner);

/// The text of a string token; `storage` holds it if it had to be unescaped.
[[nodiscard]] std::string_view text_of(const json_token& token, std::string& storage);

/// Appends `text` as a JSON string with the fewest escapes. Invalid UTF-8 becomes U+FFFD.
void append_quoted(std::string& out, std::string_view text);

/// Appends the shortest text that reads back as `value` and has a point or exponent; `null` if
/// `value` is not finite.
void append_real(std::string& out, double value);

/// The double nearest to a JSON number; nothing if that is infinite.
[[nodiscard]] std::optional<double> parse_real(std::string_view lexeme) noexcept;

/// Whether a number may be too large for a double. Cheap, with few false positives.
[[nodiscard]] inline bool may_overflow(const json_token& number) noexcept {
  return number.raw.size() > 300
      || (number.what == json_token::kind::real
          && number.raw.find_first_of("eE") != std::string_view::npos);
}

} // namespace troupe::protocol
