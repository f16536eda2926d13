#include "context/memory_limit.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

namespace troupe::actors {

namespace fs = std::filesystem;

namespace {

/// The least of `bytes` and the limits in the files of that name in `root / group` and in every
/// folder up to `root`.
std::int64_t least_limit(std::int64_t bytes, const fs::path& root, std::string_view group,
                         const char* name) {
  for (fs::path at = fs::path{group}.relative_path();; at = at.parent_path()) {
    std::ifstream file{root / at / name};
    if (std::int64_t limit; file >> limit && limit > 0) // "max" is no number
      bytes = std::min(bytes, limit);
    if (at.empty())
      return bytes;
  }
}

} // namespace

std::int64_t limited_memory_bytes(std::int64_t machine_bytes, const fs::path& membership,
                                  const fs::path& hierarchy) {
  constexpr auto v1_name = "memory.limit_in_bytes", v2_name = "memory.max";
  auto bytes = least_limit(machine_bytes, hierarchy, {}, v2_name);
  bytes = least_limit(bytes, hierarchy / "memory", {}, v1_name);
  std::ifstream groups{membership};
  for (std::string line; std::getline(groups, line);) { // number:controllers:group
    auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string_view controllers{line.data() + first + 1, second - first - 1},
      group{line.data() + second + 1};
    if (group.find("..") != std::string_view::npos)
      continue; // outside of what this process sees
    if (controllers.empty())
      bytes = least_limit(bytes, hierarchy, group, v2_name);
    else if (("," + std::string{controllers} + ",").find(",memory,") != std::string::npos)
      bytes = least_limit(bytes, hierarchy / "memory", group, v1_name);
  }
  return bytes;
}

std::int64_t usable_memory_bytes() {
  auto machine = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return limited_memory_bytes(machine, "/proc/self/cgroup", "/sys/fs/cgroup");
}

} // namespace troupe::actors
