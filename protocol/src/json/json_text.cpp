#include "json/json_text.hpp"

#include "text/unicode.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace troupe::protocol {

namespace {

char unescaped(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

/// The UTF-16 unit of the `\uXXXX` at the start of `text`; nothing if there is none.
std::optional<char32_t> unicode_escape(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u')
    return std::nullopt;
  return parse_hex4(text.substr(2, 4));
}

/// Decodes the `\u` escape, or the surrogate pair of two, at the start of `text` and removes it.
/// Returns false for a lone surrogate.
bool append_unicode_escape(std::string& out, std::string_view& text) {
  const auto first = unicode_escape(text).value_or(0xfffd);
  text.remove_prefix(std::min<std::size_t>(6, text.size()));
  if (is_high_surrogate(first)) {
    const auto second = unicode_escape(text);
    if (second && is_low_surrogate(*second)) {
      text.remove_prefix(6);
      append_utf8(out, 0x10000 + ((first - 0xd800) << 10) + (*second - 0xdc00));
      return true;
    }
  }
  const bool lone = is_high_surrogate(first) || is_low_surrogate(first);
  append_utf8(out, lone ? 0xfffd : first);
  return !lone;
}

/// Fewer than eight bytes as one word, which has some of them twice or is padded with letters.
std::uint64_t last_bytes(const char* at, const char* end) {
  std::uint64_t word = 0x7878787878787878;
  if (end - at >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, end - 4, 4);
    return std::uint64_t{last} << 32 | first;
  }
  while (at != end)
    word = word << 8 | static_cast<std::uint8_t>(*at++);
  return word;
}

/// Whether a text is short ASCII that needs no escape, as most keys and ids are: then one pass is
/// enough.
bool is_short_and_plain(std::string_view text) {
  constexpr std::size_t is_short = 32;
  if (text.size() > is_short)
    return false;
  constexpr std::uint64_t ones = 0x0101010101010101;
  // Sets a byte's high bit if this byte, or one below it, is special or not ASCII. The marks are
  // checked at the end, since special bytes are rare.
  const auto marks = [](std::uint64_t w) {
    return (w | (w - ones * 0x20) | ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones))
         & ones * 0x80;
  };
  const char* at = text.data();
  const char* const end = at + text.size();
  std::uint64_t special = 0;
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    special |= marks(word);
  }
  return (special | marks(last_bytes(at, end))) == 0;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::string_view with_letter = "\b\f\n\r\t";
  const auto byte = static_cast<std::uint8_t>(c);
  if (c == '"' || c == '\\') {
    out += {'\\', c};
  } else if (const auto i = with_letter.find(c); i != std::string_view::npos) {
    out += {'\\', "bfnrt"[i]};
  } else {
    out += "\\u00";
    out += {hex[byte >> 4], hex[byte & 0xf]};
  }
}

/// The power of ten of the first digit that is not zero, clamped to a range that keeps its sign.
long leading_power(std::string_view lexeme) {
  constexpr long bound = 1'000'000'000;
  const auto mantissa = lexeme.substr(0, lexeme.find_first_of("eE"));
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  const auto digit = mantissa.find_first_of("123456789");
  const auto places = static_cast<long>(point) - static_cast<long>(digit) - (digit < point ? 1 : 0);
  long exponent = 0;
  if (mantissa.size() < lexeme.size()) {
    auto digits = lexeme.substr(mantissa.size() + 1);
    const bool negative = digits.front() == '-';
    digits.remove_prefix(negative || digits.front() == '+');
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    exponent = read.ec == std::errc{} ? std::min(exponent, bound) : bound;
    exponent = negative ? -exponent : exponent;
  }
  return places + exponent;
}

} // namespace

json_token token_of_json(std::string_view raw) noexcept {
  using kind = json_token::kind;
  switch (raw.empty() ? 'n' : raw[0]) {
    case '"': return {kind::string, raw.find('\\') != std::string_view::npos, raw};
    case 't':
    case 'f': return {kind::boolean, false, raw};
    case 'n': return {kind::null, false, raw};
    default:
      return {raw.find_first_of(".eE") == std::string_view::npos ? kind::integer : kind::real,
              false, raw};
  }
}

std::optional<char32_t> parse_hex4(std::string_view digits) noexcept {
  std::uint32_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value, 16);
  if (digits.size() != 4 || read.ec != std::errc{} || read.ptr != end)
    return std::nullopt;
  return value;
}

bool append_unescaped(std::string& out, std::string_view inner) {
  bool whole = true;
  while (!inner.empty()) {
    const auto plain = std::min(inner.find('\\'), inner.size());
    out.append(inner.substr(0, plain));
    inner.remove_prefix(plain);
    if (inner.size() < 2)
      break;
    if (inner[1] == 'u') {
      whole = append_unicode_escape(out, inner) && whole;
    } else {
      out.push_back(unescaped(inner[1]));
      inner.remove_prefix(2);
    }
  }
  return whole;
}

std::string_view text_of(const json_token& token, std::string& storage) {
  if (!token.escaped)
    return token.inner();
  storage.clear();
  append_unescaped(storage, token.inner());
  return storage;
}

void append_quoted(std::string& out, std::string_view text) {
  if (is_short_and_plain(text)) {
    out.push_back('"');
    out.append(text);
    out.push_back('"');
    return;
  }
  if (!is_utf8(text)) {
    std::string repaired;
    append_repaired(repaired, text);
    return append_quoted(out, repaired);
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  out.push_back('"');
  for (;;) {
    const auto special = find_special(at, end);
    out.append(at, special);
    if (special == end)
      break;
    append_escape(out, *special);
    at = special + 1;
  }
  out.push_back('"');
}

void append_real(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  const auto written = std::to_chars(text, text + sizeof text, value);
  const std::string_view digits{text, static_cast<std::size_t>(written.ptr - text)};
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos)
    out += ".0";
}

std::optional<double> parse_real(std::string_view lexeme) noexcept {
  double value = 0;
  const auto read = std::from_chars(lexeme.data(), lexeme.data() + lexeme.size(), value);
  if (read.ec == std::errc{})
    return std::isfinite(value) ? std::optional{value} : std::nullopt;
  // The error does not tell too large from too small, which becomes zero as in JSON.parse.
  if (leading_power(lexeme) < 0)
    return lexeme.front() == '-' ? -0.0 : 0.0;
  return std::nullopt;
}

} // namespace troupe::protocol
