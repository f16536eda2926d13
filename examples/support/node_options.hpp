#pragma once

#include "option_table.hpp"

#include <troupe/transport/server.hpp>

namespace troupe::examples {

/// The options that all nodes have. Each stores into `options`, which holds the defaults and must outlive the table.
[[nodiscard]] option_table node_options(server_options& options);

} // namespace troupe::examples
