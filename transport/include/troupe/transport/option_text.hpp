#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::transport {

// What the texts of `server_options` may be. The server's constructor asks these, and so may a
// program that reads such texts from elsewhere and can say where a wrong one stands. Thread: any.

/// Whether `bind` takes it: one IPv4 or IPv6 address, without brackets or port. An IPv6 address may
/// name an interface that this machine has at this moment, by name or number: `fe80::1%eth0`.
[[nodiscard]] bool is_address(std::string_view text);

/// Whether `trusted_proxies` takes it: an address, or one with as many bits as its family has at
/// most (`10.0.0.0/8`). An IPv4 address that is mapped into IPv6 counts as IPv4; no interface is
/// named.
[[nodiscard]] bool is_network(std::string_view text);

/// Whether `origins` takes it. It is what browsers send (RFC 6454 §6.2): scheme and host in lower
/// case, with the port if it is not the scheme's, and nothing behind it; or `null`.
[[nodiscard]] bool is_origin(std::string_view text);

/// An address, empty for all, and a port.
using address_and_port = std::pair<std::string, std::uint16_t>;

/// Reads what `admin_bind` takes: an address, IPv6 in brackets or not, or none, and a port behind
/// the last colon. Nothing: it does not take this.
[[nodiscard]] std::optional<address_and_port> read_address_and_port(std::string_view text);

/// The other way, as URLs have it: IPv6 in brackets.
[[nodiscard]] std::string write_address_and_port(std::string_view address, std::uint16_t port);

} // namespace troupe::transport
