#pragma once

#include <cstdint>

namespace troupe::bench {

/// How often `operator new` was called in this process, on any thread. It costs what it counts
/// little: instructions are compared.
[[nodiscard]] std::uint64_t allocations() noexcept;

} // namespace troupe::bench
