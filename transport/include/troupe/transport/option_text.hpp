#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::transport {

// Checks of the texts in `server_options`. The server's constructor uses them; a program that reads
// such texts from elsewhere can use them to say where a wrong one stands. Thread: any.

/// Whether `text` is valid for `bind`: one IPv4 or IPv6 address, without brackets or port. An IPv6
/// address may name an interface that this machine has now, by name or number: `fe80::1%eth0`.
[[nodiscard]] bool is_address(std::string_view text);

/// Whether `text` is valid for `trusted_proxies`: an address, or a network with at most as many
/// bits as the address has (`10.0.0.0/8`). An IPv4-mapped IPv6 address counts as IPv4. It may not
/// name an interface.
[[nodiscard]] bool is_network(std::string_view text);

/// Whether `text` is valid for `origins`: `null`, or an origin as browsers send it (RFC 6454 §6.2):
/// scheme and host in lower case, the port unless it is the scheme's default, and nothing after
/// that.
[[nodiscard]] bool is_origin(std::string_view text);

/// An address (empty: all addresses) and a port.
using address_and_port = std::pair<std::string, std::uint16_t>;

/// Parses the form of `admin_bind`: an address (IPv6 with or without brackets; may be empty), a
/// colon and a port. Nothing if the text has another form.
[[nodiscard]] std::optional<address_and_port> read_address_and_port(std::string_view text);

/// Writes an address and a port as URLs have them: IPv6 in brackets.
[[nodiscard]] std::string write_address_and_port(std::string_view address, std::uint16_t port);

} // namespace troupe::transport
