#pragma once

#include <troupe/transport/server.hpp>

namespace troupe::examples {

/// Serves the page's files, which are part of the program: each at its path, and `index.html` at `/`.
void add_page_routes(server& server);

} // namespace troupe::examples
