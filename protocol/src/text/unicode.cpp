#include "text/unicode.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

namespace troupe::protocol {

namespace {

constexpr char32_t last_code_point = 0x10ffff;

bool is_continuation(char c) { return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80; }

bool is_surrogate(char32_t c) { return c >= 0xd800 && c <= 0xdfff; }

/// The size of the character that begins with `lead`, in bytes; 0 if none does.
std::size_t announced_bytes(std::uint8_t lead) {
  if (lead < 0x80)
    return 1;
  if (lead < 0xc2)
    return 0;
  if (lead < 0xe0)
    return 2;
  if (lead < 0xf0)
    return 3;
  return lead < 0xf5 ? 4 : 0;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  // Short ASCII needs no call through simdjson's dispatch.
  if (text.size() <= 16 && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<std::uint8_t>(c) >= 0x80;
      }))
    return true;
  return simdjson::validate_utf8(text.data(), text.size());
}

code_point first_code_point(std::string_view text) noexcept {
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<std::uint8_t>(text[0]);
  const auto bytes = announced_bytes(lead);
  if (bytes == 1)
    return {lead, 1, true};
  if (bytes == 0 || text.size() < bytes)
    return {};
  char32_t value = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!is_continuation(text[i]))
      return {};
    value = value << 6 | (static_cast<std::uint8_t>(text[i]) & 0x3fu);
  }
  if (value < smallest[bytes] || value > last_code_point || is_surrogate(value))
    return {};
  return {value, bytes, true};
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](int shift) {
    out.push_back(static_cast<char>(0x80 | (c >> shift & 0x3f)));
  };
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | c >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

void append_repaired(std::string& out, std::string_view text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  while (!text.empty()) {
    const auto c = first_code_point(text);
    out += c.valid ? text.substr(0, c.bytes) : replacement;
    text.remove_prefix(c.bytes);
  }
}

std::string_view cut_utf8(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes)
    return text;
  auto end = max_bytes;
  while (end > 0 && is_continuation(text[end]))
    --end;
  return text.substr(0, end);
}

bool is_control(char32_t c) noexcept { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

bool is_bidi_control(char32_t c) noexcept {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e)
      || (c >= 0x2066 && c <= 0x2069);
}

bool is_white_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680
      || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f
      || c == 0x3000;
}

bool is_plain_text(std::string_view text) noexcept {
  while (!text.empty()) {
    if (text.front() >= 0x20 && text.front() < 0x7f) { // most are ASCII
      text.remove_prefix(1);
      continue;
    }
    const auto c = first_code_point(text);
    if (is_control(c.value) || is_bidi_control(c.value))
      return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

} // namespace troupe::protocol
