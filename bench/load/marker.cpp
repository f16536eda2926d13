#include "marker.hpp"

#include <array>
#include <cstring>

namespace troupe::bench {

namespace {

constexpr char start = '~';
constexpr std::string_view digits =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr int publisher_digits = 3;
constexpr int number_digits = 5;
constexpr int time_digits = 7;

constexpr auto values = [] {
  std::array<std::int8_t, 256> v{};
  v.fill(-1);
  for (std::size_t i = 0; i < digits.size(); ++i)
    v[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return v;
}();

char* put(char* out, std::uint64_t value, int count) noexcept {
  for (int i = count; i-- > 0; value >>= 6)
    out[i] = digits[value & 63];
  return out + count;
}

/// Reads `count` digits; -1 if one is not a digit.
std::int64_t take(const char* in, int count) noexcept {
  std::int64_t value = 0;
  for (int i = 0; i < count; ++i) {
    auto digit = values[static_cast<unsigned char>(in[i])];
    if (digit < 0)
      return -1;
    value = value << 6 | digit;
  }
  return value;
}

} // namespace

void marker::write(char* out) const noexcept {
  *out++ = start;
  out = put(out, publisher, publisher_digits);
  out = put(out, number, number_digits);
  put(out, at_us, time_digits);
}

std::optional<marker> find_marker(std::string_view bytes) noexcept {
  while (bytes.size() >= marker::size) {
    auto* found =
      static_cast<const char*>(std::memchr(bytes.data(), start, bytes.size() - marker::size + 1));
    if (!found)
      return std::nullopt;
    auto publisher = take(found + 1, publisher_digits);
    auto number = take(found + 1 + publisher_digits, number_digits);
    auto at = take(found + 1 + publisher_digits + number_digits, time_digits);
    if (publisher >= 0 && number >= 0 && at >= 0)
      return marker{static_cast<std::uint32_t>(publisher), static_cast<std::uint32_t>(number),
                    static_cast<std::uint64_t>(at)};
    bytes.remove_prefix(static_cast<std::size_t>(found - bytes.data()) + 1);
  }
  return std::nullopt;
}

} // namespace troupe::bench
