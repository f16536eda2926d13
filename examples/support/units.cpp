#include "units.hpp"

#include <charconv>
#include <cmath>

namespace troupe::examples {

namespace {

constexpr std::uint64_t kibibyte = 1024;
constexpr std::uint64_t mebibyte = 1024 * kibibyte;
constexpr std::uint64_t gibibyte = 1024 * mebibyte;
constexpr double day_in_ms = 24.0 * 60 * 60 * 1000;

/// Removes `suffix` from the end of `text`; returns whether it was there.
bool take_suffix(std::string_view& text, std::string_view suffix) noexcept {
  if (!text.ends_with(suffix))
    return false;
  text.remove_suffix(suffix.size());
  return true;
}

} // namespace

std::optional<std::uint64_t> parse_count(std::string_view text, std::uint64_t max) noexcept {
  std::uint64_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count > max)
    return {};
  return count;
}

std::optional<double> parse_number(std::string_view text) noexcept {
  double number = 0;
  auto [end, error] =
    std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)
      || std::signbit(number))
    return {};
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  double unit_in_ms = 1000;
  if (take_suffix(text, "ms"))
    unit_in_ms = 1;
  else if (take_suffix(text, "m"))
    unit_in_ms = 60'000;
  else
    take_suffix(text, "s");
  auto number = parse_number(text);
  if (!number || *number * unit_in_ms > day_in_ms)
    return {};
  // A positive value must not become 0, which would lift a limit.
  auto whole = std::llround(*number * unit_in_ms);
  return std::chrono::milliseconds{whole == 0 && *number > 0 ? 1 : whole};
}

std::optional<std::uint64_t> parse_size(std::string_view text, std::uint64_t max) noexcept {
  std::uint64_t unit = 1;
  if (take_suffix(text, "KiB"))
    unit = kibibyte;
  else if (take_suffix(text, "MiB"))
    unit = mebibyte;
  else if (take_suffix(text, "GiB"))
    unit = gibibyte;
  auto number = parse_count(text, max / unit);
  if (!number)
    return {};
  return *number * unit;
}

std::string duration_text(std::chrono::milliseconds time) {
  auto ms = time.count();
  if (ms % 1000 != 0)
    return std::to_string(ms) + "ms";
  return ms > 0 && ms % 60'000 == 0 ? std::to_string(ms / 60'000) + 'm'
                                    : std::to_string(ms / 1000) + 's';
}

std::string size_text(std::uint64_t bytes) {
  if (bytes == 0 || bytes % kibibyte != 0)
    return std::to_string(bytes);
  if (bytes % gibibyte == 0)
    return std::to_string(bytes / gibibyte) + "GiB";
  return bytes % mebibyte == 0 ? std::to_string(bytes / mebibyte) + "MiB"
                               : std::to_string(bytes / kibibyte) + "KiB";
}

std::optional<bool> parse_switch(std::string_view text) noexcept {
  if (text == "on" || text == "true")
    return true;
  if (text == "off" || text == "false")
    return false;
  return {};
}

} // namespace troupe::examples
