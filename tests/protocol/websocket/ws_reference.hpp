#pragma once

#include "ws_script.hpp"

#include <string_view>

namespace troupe::test {

enum class deflate_use { none, afresh, context };

/// The events that a server hears of `bytes`. This reader sees all of them at once and is written
/// for clarity only.
[[nodiscard]] lines reference_lines(std::string_view bytes, const protocol::ws_limits& limits,
                                    deflate_use deflate = deflate_use::none);

} // namespace troupe::test
