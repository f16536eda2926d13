#include "metrics/process_stats.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace troupe::transport {

namespace {

/// Numbers of the fields of `/proc/pid/stat` (proc(5)). Field 3 is the first after the name, which
/// may hold anything.
constexpr int first_field = 3;
constexpr int user_ticks = 14, system_ticks = 15, threads = 20, start_ticks = 22,
              virtual_bytes = 23, resident_pages = 24;

/// The seconds since 1970 at which the machine started; 0: not known.
double boot_seconds() {
  std::ifstream in{"/proc/stat"};
  in.exceptions(std::ios::badbit);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("btime "))
      return std::stod(line.substr(6));
  return 0;
}

/// The start of a small file; empty if there is none.
std::string_view read_file(const char* name, std::span<char> room) noexcept {
  auto file = ::open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return {};
  auto n = ::read(file, room.data(), room.size());
  ::close(file);
  return {room.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

std::uint64_t next_number(std::string_view& text) noexcept {
  std::uint64_t number = 0;
  auto begin = std::min(text.find_first_not_of(' '), text.size());
  auto end = std::min(text.find(' ', begin), text.size());
  // fields that are no numbers, or negative, are not used
  std::from_chars(text.data() + begin, text.data() + end, number);
  text.remove_prefix(end);
  return number;
}

void read_stat(process_stats& into) {
  static const auto booted = boot_seconds();
  static const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::array<char, 1024> room;
  auto text = read_file("/proc/self/stat", room);
  text.remove_prefix(std::min(text.rfind(')') + 1, text.size()));
  for (int i = first_field; !text.empty(); ++i) {
    auto number = next_number(text);
    if (i == user_ticks || i == system_ticks)
      into.cpu_seconds += static_cast<double>(number) / per_second;
    else if (i == threads)
      into.threads = number;
    else if (i == start_ticks)
      into.start_seconds = booted + static_cast<double>(number) / per_second;
    else if (i == virtual_bytes)
      into.virtual_bytes = number;
    else if (i == resident_pages)
      into.resident_bytes = number * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
}

/// Since Linux 6.2 the number is the folder's size, which was 0 before.
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
    now = {}; // no memory to read the machine's start
  }
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) == 0)
    now.max_descriptors = most.rlim_cur;
  now.open_descriptors = open_descriptors();
  return now;
}

} // namespace troupe::transport
