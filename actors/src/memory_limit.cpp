#include "memory_limit.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include <unistd.h>

namespace troupe::actors {

std::int64_t usable_memory_bytes() {
  auto bytes = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  for (auto* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file{path};
    if (std::int64_t limit; file >> limit && limit > 0) // "max" is no number
      bytes = std::min(bytes, limit);
  }
  return bytes;
}

} // namespace troupe::actors
