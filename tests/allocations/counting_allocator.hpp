#pragma once

#include <cstdint>

namespace troupe::test {

/// How often `operator new` was called in this process, on any thread.
[[nodiscard]] std::uint64_t allocations() noexcept;

} // namespace troupe::test
