#pragma once

#include <string>

namespace troupe::examples {

/// The owner of an address for fair shares: an IPv4 address itself, the /64 of an IPv6 address,
/// since one site has all of that.
[[nodiscard]] std::string share_of(const std::string& address);

} // namespace troupe::examples
