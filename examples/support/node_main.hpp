#pragma once

#include "option_table.hpp"

#include <troupe/troupe.hpp>

#include <functional>
#include <string_view>

namespace caf {
class actor_system;
} // namespace caf

namespace troupe::examples {

/// The `main` of a node: reads its options over `defaults`, lets `set_up` add rooms and routes,
/// says where it listens and serves until SIGTERM or SIGINT. `more`: this node's own options;
/// `complete`: sets the options that follow from others.
///
/// Returns the exit code: 0 after an orderly stop or `--help`, 1 if it cannot listen at a port, 2
/// after bad input. Throws nothing; tells each error in one line on stderr.
[[nodiscard]] int node_main(int argc, const char* const* argv, std::string_view name,
                            std::string_view about, server_options defaults,
                            const std::function<void(server&)>& set_up = {}, option_table more = {},
                            const std::function<void(server_options&)>& complete = {});

/// The same for a server with actors of its own beside it: `set_up` gets the actor system that they
/// share, with one thread of CAF's. They end before `set_up`'s server does, or nobody names them
/// any more by then.
[[nodiscard]] int actor_node_main(int argc, const char* const* argv, std::string_view name,
                                  std::string_view about, server_options defaults,
                                  const std::function<void(server&, caf::actor_system&)>& set_up,
                                  option_table more = {});

} // namespace troupe::examples
