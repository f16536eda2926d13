#include "http/byte_range.hpp"

#include "text/http_text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

namespace troupe::transport {

namespace {

/// A number beyond 64 bits counts as the largest (RFC 9110, 14.1.2: it is a number all the same).
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t n = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error == std::errc::result_out_of_range)
    n = std::numeric_limits<std::uint64_t>::max();
  else if (error != std::errc{})
    return std::nullopt;
  return end == text.data() + text.size() ? std::optional{n} : std::nullopt;
}

/// `-count`: the last bytes. Of an empty body they are all there is, and no range can say so.
std::optional<byte_range> suffix_of(std::uint64_t size, std::string_view count) {
  auto asked = parse_number(count);
  if (!asked || (size == 0 && *asked > 0))
    return std::nullopt;
  auto bytes = std::min(size, *asked);
  return byte_range{size - bytes, bytes};
}

} // namespace

std::optional<byte_range> requested_range(std::string_view range, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!equal_ignoring_case(range.substr(0, unit.size()), unit))
    return std::nullopt;
  range.remove_prefix(unit.size());
  auto dash = range.find('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  auto behind = range.substr(dash + 1);
  if (dash == 0)
    return suffix_of(size, behind);
  auto first = parse_number(range.substr(0, dash));
  auto last = parse_number(behind);
  if (!first || (!last && !behind.empty()) || (last && *last < *first))
    return std::nullopt;
  if (*first >= size)
    return byte_range{};
  return byte_range{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

} // namespace troupe::transport
