#include "text/set_up_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace troupe::transport {

namespace {

using outcome = protocol::result<std::string, file_problem>;

struct close_file {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using open_file = std::unique_ptr<std::FILE, close_file>;

/// Opens a file to read. Opening a pipe this way waits for nobody, and a terminal does not become
/// the process's own. Null: `errno` says why.
open_file open_without_waiting(const std::string& file) {
  auto descriptor = ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0)
    return {};
  open_file opened{::fdopen(descriptor, "rb")};
  if (!opened)
    ::close(descriptor);
  return opened;
}

/// Why a file must not be read; null: it may be.
const char* problem_of(const struct stat& file) {
  if (S_ISDIR(file.st_mode))
    return "Is a directory";
  return S_ISREG(file.st_mode) ? nullptr : "Not a regular file";
}

outcome failed(int error) { return file_problem{std::strerror(error)}; }

std::string size_text(std::size_t bytes) {
  constexpr std::size_t mib = 1024 * 1024;
  return bytes % mib == 0 ? std::to_string(bytes / mib) + " MiB"
                          : std::to_string(bytes / 1024) + " KiB";
}

} // namespace

protocol::result<std::string, file_problem> read_set_up_file(const std::string& file,
                                                             std::size_t most_bytes) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0)
    return failed(errno);
  if (auto* problem = problem_of(about)) // opening it could already have an effect
    return file_problem{problem};
  const auto in = open_without_waiting(file);
  if (!in || ::fstat(::fileno(in.get()), &about) != 0)
    return failed(errno);
  if (auto* problem = problem_of(about)) // another has taken its place meanwhile
    return file_problem{problem};
  std::string text(most_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), in.get()));
  if (std::ferror(in.get()))
    return failed(errno);
  if (text.size() > most_bytes)
    return file_problem{"larger than " + size_text(most_bytes)};
  return text;
}

} // namespace troupe::transport
