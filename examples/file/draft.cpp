#include "draft.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <sstream>
#include <string>
#include <system_error>

namespace troupe::examples {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = ".upload-";
// another process that starts may take a new draft for an abandoned one
constexpr int max_tries = 10;

[[noreturn]] void fail(const char* what) {
  throw std::system_error{errno, std::system_category(), what};
}

std::string random_name() {
  std::random_device random;
  std::ostringstream name;
  name << std::hex << random() << random() << random();
  return name.str();
}

bool has_a_name(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && status.st_nlink > 0;
}

/// Removes an abandoned draft; whoever writes a draft holds its lock.
void remove_if_left(const fs::path& path) {
  auto fd = ::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return;
  struct stat status {};
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ::flock(fd, LOCK_EX | LOCK_NB) == 0)
    ::unlink(path.c_str());
  ::close(fd);
}

} // namespace

draft::draft(const fs::path& folder) {
  for (int i = 0; i < max_tries; ++i) {
    create(folder);
    // other errors: this file system has no locks
    auto is_ours = ::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    if (is_ours && has_a_name(fd_))
      return;
    ::close(fd_);
  }
  errno = EAGAIN;
  fail("cannot write to the folder");
}

void draft::create(const fs::path& folder) {
  path_ = folder / (std::string{prefix} + random_name());
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd_ < 0)
    fail("cannot write to the folder");
}

draft::~draft() {
  ::unlink(path_.c_str());
  ::close(fd_);
}

void draft::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    auto n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR)
      fail("cannot write the file");
    if (n > 0)
      bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool draft::keep_as(const fs::path& name) const {
  if (::link(path_.c_str(), name.c_str()) == 0)
    return true;
  if (errno != EEXIST)
    fail("cannot name the file");
  return false;
}

void draft::remove_left_ones(const fs::path& folder) {
  std::error_code ec;
  for (fs::directory_iterator i{folder, ec}, end; !ec && i != end; i.increment(ec))
    if (i->path().filename().native().starts_with(prefix))
      remove_if_left(i->path());
}

} // namespace troupe::examples
