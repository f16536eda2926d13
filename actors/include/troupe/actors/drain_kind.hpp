#pragma once

#include <cstdint>

namespace troupe::actors {

/// Why all connections are told to go.
enum class drain_kind : std::uint8_t { restart, shutdown };

} // namespace troupe::actors
