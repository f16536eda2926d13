#pragma once

#include <cstdint>

namespace troupe::bench {

/// The CPU time of all threads of a process so far, user and system, in seconds. The scheduler
/// counts it in nanoseconds, not ticks. Errors: `std::runtime_error` if there is no such process.
[[nodiscard]] double cpu_seconds(int pid);

/// Resident memory of a process in KiB: now, and the most so far.
struct resident {
  std::uint64_t now = 0;
  std::uint64_t most = 0;
};
[[nodiscard]] resident resident_kib(int pid);

/// The CPU time of this thread so far, in seconds.
[[nodiscard]] double own_cpu_seconds();

} // namespace troupe::bench
