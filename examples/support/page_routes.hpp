#pragma once

#include "embedded_page.hpp"

#include <troupe/troupe.hpp>

#include <span>

namespace troupe::examples {

/// Serves the files at their paths, and `index.html` at `/`, too.
void add_page_routes(server& server, std::span<const embedded_file> files);

/// Answers `GET /session` as the server would answer an upgrade with the same headers; 204 means
/// accepted. Pages ask here, since a browser does not tell why a WebSocket was refused.
void add_session_route(server& server);

} // namespace troupe::examples
