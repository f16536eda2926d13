#pragma once

#include "server/http_settings.hpp"

#include <troupe/transport/server.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace troupe::transport {

// Checks of set-up. Each throws `std::invalid_argument` with a sentence that says what is wrong and
// what is expected.

/// Refuses options that cannot work. The node refuses its own, except for its clock, which is used
/// before.
void check_options(const server_options& options);

/// Refuses a route that no request can match, one all of whose paths go to an earlier route of
/// `router`, and one that would hide every file of `router`.
void check_route(const std::string& method, const std::string& pattern, bool has_handler,
                 const http_router& router);

using websocket_routes = std::map<std::string, websocket_route>; ///< by path

/// Refuses a path at which no WebSocket can be requested, one that is taken, and the rooms' own
/// path if rooms are set up: `rooms` is a pattern with a behaviour (empty: none has one), or there
/// is a lobby.
void check_endpoint(const std::string& path, const websocket_routes& routes,
                    const server_options& options, const std::string& rooms);

/// Refuses rooms whose place an endpoint has taken.
void check_rooms(const std::string& pattern, const websocket_routes& routes,
                 const server_options& options);

/// Refuses to reserve as many descriptors as the process may open, or more. `descriptors`: see
/// `descriptor_limit`.
void check_reserved(const server_options& options, std::size_t descriptors);

/// Splits `address:port`; an IPv6 address may stand in brackets.
[[nodiscard]] std::pair<std::string, std::uint16_t> split_admin_bind(const std::string& text);

} // namespace troupe::transport
