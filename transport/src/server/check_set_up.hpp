#pragma once

#include "server/http_settings.hpp"

#include <troupe/transport/server.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace troupe::transport {

// Mistakes of set-up: each throws `std::invalid_argument`, a sentence that names what is wrong and
// what is expected.

/// Options that cannot work; those of the node are the node's to refuse, but for its clock, which
/// is used before.
void check_options(const server_options& options);

/// A route that no request can match, all of whose paths go to an earlier one of `router`, or
/// behind which no file of `router` could be served.
void check_route(const std::string& method, const std::string& pattern, bool has_handler,
                 const http_router& router);

using websocket_places = std::map<std::string, websocket_place>;

/// A path at which no WebSocket can be asked for, that is taken, or that is the rooms' own although
/// there is something to say of them: `rooms`, a pattern with a behaviour (empty: none has one), or
/// a lobby.
void check_endpoint(const std::string& path, const websocket_places& places,
                    const server_options& options, const std::string& rooms);

/// Rooms whose place an endpoint has taken.
void check_rooms(const std::string& pattern, const websocket_places& places,
                 const server_options& options);

/// As many descriptors reserved as the process may open, or more: then none would be.
/// `descriptors`: see `descriptor_limit`.
void check_reserved(const server_options& options, std::size_t descriptors);

/// `address:port`, the address in brackets if it is IPv6.
[[nodiscard]] std::pair<std::string, std::uint16_t> split_admin_bind(const std::string& text);

} // namespace troupe::transport
