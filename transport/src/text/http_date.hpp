#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// Dates as HTTP writes them (RFC 9110, 5.6.7).

namespace troupe::transport {

using http_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Writes a date in the preferred form, to the second.
[[nodiscard]] std::string http_date(http_time at);

/// Reads a date in any of its three forms; nothing if it is none. `now`: a year of two digits that
/// seems more than 50 years ahead is the last one with these digits.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                                      http_time now);

} // namespace troupe::transport
