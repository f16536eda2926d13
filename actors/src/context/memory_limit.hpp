#pragma once

#include <cstdint>
#include <filesystem>

namespace troupe::actors {

/// The memory that this process may use: the machine's, or less if a control group (version 1 or 2)
/// that it is in says so.
[[nodiscard]] std::int64_t usable_memory_bytes();

/// The least of `machine_bytes` and the limits of the control groups that `membership` (in the
/// format of `/proc/self/cgroup`) names, and of their parents. `hierarchy`: where control groups
/// are mounted.
[[nodiscard]] std::int64_t limited_memory_bytes(std::int64_t machine_bytes,
                                                const std::filesystem::path& membership,
                                                const std::filesystem::path& hierarchy);

} // namespace troupe::actors
