#pragma once

#include <string>

namespace troupe::examples {

/// Whom an address belongs to where shares are given: an IPv4 address by itself, IPv6 by its /64,
/// since one site has all of that.
[[nodiscard]] std::string share_of(const std::string& address);

} // namespace troupe::examples
