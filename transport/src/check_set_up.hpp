#pragma once

#include "http_settings.hpp"

#include <troupe/transport/server.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace troupe::transport {

// Mistakes of set-up: each throws `std::invalid_argument`, a sentence that names what is wrong and what is expected.

/// Options that cannot work; those of the node are the node's to refuse, but for its clock, which is used before.
void check_options(const server_options& options);

/// A route that no request can match, or all of whose paths go to an earlier one of `router`.
void check_route(const std::string& method, const std::string& pattern, bool has_handler,
                 const http_router& router);

/// A path at which no WebSocket can be asked for, or that is taken.
void check_endpoint(const std::string& path, const std::map<std::string, websocket_place>& places);

/// As many descriptors reserved as the process may open, or more: then none would be.
/// `descriptors`: see `descriptor_limit`.
void check_reserved(const server_options& options, std::size_t descriptors);

/// `address:port`, the address in brackets if it is IPv6.
[[nodiscard]] std::pair<std::string, std::uint16_t> split_admin_bind(const std::string& text);

} // namespace troupe::transport
