#pragma once

#include <cstdint>

namespace troupe::bench {

/// How often `operator new` was called in this process, on any thread. Counting costs few
/// instructions, since instruction counts are compared.
[[nodiscard]] std::uint64_t allocations() noexcept;

} // namespace troupe::bench
