#include "http/byte_range.hpp"

#include "text/http_text.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::transport {

namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t n = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), n);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size() ? std::optional{n}
                                                                         : std::nullopt;
}

/// `-count`: the last bytes.
std::optional<byte_range> suffix_of(std::uint64_t size, std::string_view count) {
  auto asked = parse_number(count);
  if (!asked)
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
