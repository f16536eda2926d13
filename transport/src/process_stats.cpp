#include "process_stats.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace troupe::transport {

namespace {

/// A field of proc(5), `/proc/pid/stat`, less those up to the name, which may hold anything: 3 is the first.
constexpr int first_field = 3;
constexpr int user_ticks = 14, system_ticks = 15, threads = 20, start_ticks = 22, virtual_bytes = 23, resident_pages = 24;

/// The seconds since 1970 at which the machine started; 0: not known.
double boot_seconds() {
  std::ifstream in{"/proc/stat"};
  in.exceptions(std::ios::badbit);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("btime "))
      return std::stod(line.substr(6));
  return 0;
}

void read_stat(process_stats& into) {
  std::ifstream in{"/proc/self/stat"};
  in.exceptions(std::ios::badbit);
  std::string line;
  std::getline(in, line);
  std::istringstream fields{line.substr(line.rfind(')') + 2)};
  static const auto booted = boot_seconds();
  static const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::string field;
  for (int i = first_field; fields >> field; ++i) {
    if (i == user_ticks || i == system_ticks)
      into.cpu_seconds += std::stod(field) / per_second;
    else if (i == threads)
      into.threads = std::stoull(field);
    else if (i == start_ticks)
      into.start_seconds = booted + std::stod(field) / per_second;
    else if (i == virtual_bytes)
      into.virtual_bytes = std::stoull(field);
    else if (i == resident_pages)
      into.resident_bytes = std::stoull(field) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
}

/// Linux 6.2 and later say the number as the folder's size, which was 0 before.
std::uint64_t open_descriptors() {
  struct stat folder;
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
    return static_cast<std::uint64_t>(folder.st_size);
  std::error_code none;
  std::filesystem::directory_iterator all{"/proc/self/fd", none};
  return none ? 0 : static_cast<std::uint64_t>(std::distance(begin(all), end(all)));
}

} // namespace

process_stats read_process_stats() {
  process_stats now;
  try {
    read_stat(now);
  } catch (const std::exception&) {
    now = {}; // a kernel that says it in another way
  }
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) == 0)
    now.max_descriptors = most.rlim_cur;
  now.open_descriptors = open_descriptors();
  return now;
}

} // namespace troupe::transport
