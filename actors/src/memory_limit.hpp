#pragma once

#include <cstdint>

namespace troupe::actors {

/// What this process may use: the machine's memory or its control group's limit, whichever is less.
[[nodiscard]] std::int64_t usable_memory_bytes();

} // namespace troupe::actors
