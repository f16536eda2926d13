#include <utility>

#include "http/file_part.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace troupe::transport {

namespace fs = std::filesystem;

namespace {

constexpr int stay_on_the_way = O_NOFOLLOW | O_CLOEXEC;

file_version version_of(const struct stat& s) {
  using namespace std::chrono;
  auto time = [](const timespec& t) {
    return sys_time<nanoseconds>{seconds{t.tv_sec} + nanoseconds{t.tv_nsec}};
  };
  return {s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size), time(s.st_mtim),
          time(s.st_ctim)};
}

/// Whether an error says that there is nothing to be served, rather than that the system fails.
bool is_absence(int error) noexcept {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO: // a pipe or a socket
    case EISDIR: return true;
    default: return false;
  }
}

/// Throws unless the error is an absence.
owned_descriptor absent(const char* what) {
  auto error = errno;
  if (!is_absence(error))
    throw std::system_error{error, std::system_category(), what};
  return owned_descriptor{};
}

owned_descriptor open_at(int folder, const char* name, int how) {
  int d = -1;
  do
    d = ::openat(folder, name, how | stay_on_the_way);
  while (d < 0 && errno == EINTR);
  return d < 0 ? absent("open a file") : owned_descriptor{d};
}

/// Opens one name after the other, so that none is a link. `O_NONBLOCK`: a pipe that has taken the
/// file's place is not waited for.
owned_descriptor open_below(const fs::path& folder, const fs::path& below) {
  auto at = open_at(AT_FDCWD, folder.c_str(), O_PATH | O_DIRECTORY);
  for (auto part = below.begin(); part != below.end() && at.get() >= 0; ++part) {
    auto is_last = std::next(part) == below.end();
    at = open_at(at.get(), part->c_str(),
                 is_last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY);
  }
  return at;
}

} // namespace

std::optional<open_file> open_file::open(const fs::path& folder, const fs::path& below) {
  auto file = open_below(folder, below);
  if (file.get() < 0)
    return std::nullopt;
  struct stat s {};
  if (::fstat(file.get(), &s) != 0)
    throw std::system_error{errno, std::system_category(), "look at a file"};
  if (!S_ISREG(s.st_mode))
    return std::nullopt;
  return open_file{std::move(file), version_of(s)};
}

/// Looks at the version behind the read: each change that the read may have seen shows then.
bool open_file::read(byte_range range, std::string& into) const {
  into.resize(range.bytes);
  std::size_t done = 0;
  while (done < range.bytes) {
    auto n = ::pread(file_.get(), into.data() + done, range.bytes - done,
                     static_cast<off_t>(range.begin + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    done += static_cast<std::size_t>(n);
  }
  struct stat s {};
  return ::fstat(file_.get(), &s) == 0 && version_of(s) == version_;
}

byte_range file_part::window_at(std::uint64_t offset) const noexcept {
  return {range.begin + offset, std::min<std::uint64_t>(window_bytes, range.bytes - offset)};
}

bool file_part::read(std::uint64_t offset, std::string& into) const {
  auto file = open_file::open(folder, below);
  return file && file->version() == version && file->read(window_at(offset), into);
}

} // namespace troupe::transport
