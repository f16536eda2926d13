#include "text/base64.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace troupe::protocol {

namespace {

constexpr std::string_view alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> digits = [] {
  std::array<std::uint8_t, 256> result{};
  result.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    result[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return result;
}();

std::uint32_t digit(char c) { return digits[static_cast<std::uint8_t>(c)]; }

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
  if (!std::all_of(text.begin(), text.end(), [](char c) { return digit(c) != no_digit; }))
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
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : text) {
    bits = bits << 6 | digit(c);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>(bits >> held & 0xff));
    }
  }
}

} // namespace troupe::protocol
