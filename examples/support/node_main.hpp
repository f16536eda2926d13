#pragma once

#include "option_table.hpp"

#include <troupe/troupe.hpp>

#include <functional>
#include <string_view>

namespace troupe::examples {

/// The `main` of a node: reads its options over `defaults`, lets `set_up` add rooms and routes, says where it listens and serves
/// until SIGTERM or SIGINT. `more`: options of this node alone.
///
/// Returns the exit code: 0 after an orderly stop or `--help`, 1 if the port cannot be had, 2 after bad input.
[[nodiscard]] int node_main(int argc, const char* const* argv, std::string_view name, std::string_view about,
                            server_options defaults, const std::function<void(server&)>& set_up = {}, option_table more = {});

} // namespace troupe::examples
