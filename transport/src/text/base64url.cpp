#include "text/base64url.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace troupe::transport {

namespace {

constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> digits = [] {
  constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<std::uint8_t, 256> result{};
  result.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    result[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return result;
}();

} // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1)
    return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t held = 0;
  int bits = 0;
  for (char c : text) {
    const auto digit = digits[static_cast<std::uint8_t>(c)];
    if (digit == no_digit)
      return std::nullopt;
    held = held << 6 | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>(held >> bits & 0xff));
      held &= (1u << bits) - 1;
    }
  }
  return held == 0 ? std::optional{std::move(bytes)} : std::nullopt;
}

} // namespace troupe::transport
