#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::transport {

/// Which content codings the client of a request takes, and which it prefers.
///
/// A request without `Accept-Encoding` gets `identity`, no coding at all: that is always
/// understood. Elements that are malformed count as if they were not there. Source: RFC 9110,
/// 12.4.2 and 12.5.3.
class accepted_codings {
public:
  /// A weight in thousandths; 0: not taken.
  using weight = std::uint16_t;

  /// `list`: all values of `Accept-Encoding`; empty: there is none.
  explicit accepted_codings(std::string_view list);

  /// `identity`, too, is a coding. If the client does not mention it, it is taken, but any other is
  /// preferred.
  [[nodiscard]] weight weight_of(std::string_view coding) const noexcept;

private:
  std::vector<std::pair<std::string, weight>> listed_;
};

} // namespace troupe::transport
