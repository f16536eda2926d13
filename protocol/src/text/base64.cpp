#include <troupe/protocol/base64.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace troupe::protocol {

namespace {

constexpr std::string_view alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_digit = 0xff;

using digit_table = std::array<std::uint8_t, 256>;

constexpr digit_table digits_of(std::string_view letters) {
  digit_table result{};
  result.fill(no_digit);
  for (std::size_t i = 0; i < letters.size(); ++i)
    result[static_cast<std::uint8_t>(letters[i])] = static_cast<std::uint8_t>(i);
  return result;
}

constexpr auto digits = digits_of(alphabet);
constexpr auto url_digits = digits_of(url_alphabet);

std::uint32_t digit(char c, const digit_table& of = digits) {
  return of[static_cast<std::uint8_t>(c)];
}

/// Decodes `text`, which has digits only, and returns the bits that are left over.
std::uint32_t append_bytes(std::string& out, std::string_view text, const digit_table& of) {
  std::uint32_t held = 0;
  int bits = 0;
  for (char c : text) {
    held = held << 6 | digit(c, of);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(held >> bits & 0xff));
      held &= (1u << bits) - 1;
    }
  }
  return held;
}

bool has_digits_only(std::string_view text, const digit_table& of) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return digit(c, of) != no_digit; });
}

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

std::size_t padding_of(std::string_view text) {
  if (text.empty() || text.back() != '=')
    return 0;
  return text[text.size() - 2] == '=' ? 2 : 1;
}

} // namespace

bool is_canonical_base64(std::string_view text) noexcept {
  if (text.size() % 4 != 0)
    return false;
  const auto padding = padding_of(text);
  text.remove_suffix(padding);
  if (!has_digits_only(text, digits))
    return false;
  const std::uint32_t unused_bits = padding == 2 ? 0x0f : padding == 1 ? 0x03 : 0;
  return text.empty() || (digit(text.back()) & unused_bits) == 0;
}

void append_base64(std::string& out, std::string_view bytes) {
  const auto put = [&](std::uint32_t group, int count) {
    for (int i = 0; i < count; ++i)
      out.push_back(alphabet[group >> (18 - 6 * i) & 0x3f]);
    out.append(static_cast<std::size_t>(4 - count), '=');
  };
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3)
    put(byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2), 4);
  if (bytes.size() - i == 1)
    put(byte_at(bytes, i) << 16, 2);
  else if (bytes.size() - i == 2)
    put(byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8, 3);
}

void append_from_base64(std::string& out, std::string_view text) {
  text.remove_suffix(padding_of(text));
  append_bytes(out, text, digits);
}

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1 || !has_digits_only(text, url_digits))
    return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  const auto left_over = append_bytes(bytes, text, url_digits);
  return left_over == 0 ? std::optional{std::move(bytes)} : std::nullopt;
}

} // namespace troupe::protocol
