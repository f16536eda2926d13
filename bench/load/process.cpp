#include "process.hpp"

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace troupe::bench {

double cpu_seconds(int pid) {
  std::error_code ec;
  double seconds = 0;
  bool any = false;
  for (auto& thread :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task", ec}) {
    std::ifstream file{thread.path() / "schedstat"};
    double nanoseconds = 0;
    if (file >> nanoseconds) {
      seconds += nanoseconds / 1e9;
      any = true;
    }
  }
  if (!any)
    throw std::runtime_error{"no process " + std::to_string(pid) + " whose time can be read"};
  return seconds;
}

resident resident_kib(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
  resident r;
  for (std::string word; file >> word;) {
    if (word == "VmRSS:")
      file >> r.now;
    else if (word == "VmHWM:")
      file >> r.most;
  }
  return r;
}

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace troupe::bench
