#include "observe/output_descriptor.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace troupe::transport {

output_descriptor::output_descriptor(int descriptor) : descriptor_(descriptor) {
  struct stat now {};
  was_open_ = ::fstat(descriptor_, &now) == 0;
  if (was_open_ && S_ISSOCK(now.st_mode)) {
    kind_ = kind::socket;
    device_ = now.st_dev;
    inode_ = now.st_ino;
  } else {
    look_again();
  }
}

output_descriptor::~output_descriptor() { close_own(); }

void output_descriptor::close_own() {
  if (own_ >= 0)
    ::close(own_);
  own_ = -1;
}

/// Finds out what the descriptor is now, if it has changed.
void output_descriptor::look_again() {
  struct stat now {};
  if (!was_open_)
    return;
  if (::fstat(descriptor_, &now) != 0) {
    close_own();
    kind_ = kind::closed;
    return;
  }
  if (kind_ != kind::closed && now.st_dev == device_ && now.st_ino == inode_)
    return;
  close_own();
  device_ = now.st_dev;
  inode_ = now.st_ino;
  if (S_ISSOCK(now.st_mode)) {
    kind_ = kind::closed;
  } else if (S_ISFIFO(now.st_mode) || S_ISCHR(now.st_mode)) {
    std::array<char, 32> path; // a log's thread must not throw
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", descriptor_);
    own_ = ::open(path.data(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    kind_ = own_ >= 0 ? kind::reopened : kind::asked;
  } else {
    kind_ = kind::file; // a disk may be slow, but takes it or fails
  }
}

ssize_t output_descriptor::write_now(std::string_view bytes) const {
  switch (kind_) {
    case kind::closed: errno = EBADF; return -1;
    case kind::file: return ::write(descriptor_, bytes.data(), bytes.size());
    case kind::socket:
      return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    case kind::reopened: return ::write(own_, bytes.data(), bytes.size());
    case kind::asked: break;
  }
  pollfd ready{descriptor_, POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
}

output_descriptor::outcome output_descriptor::write_some(std::string_view& bytes) {
  look_again();
  while (!bytes.empty()) {
    auto n = write_now(bytes);
    if (n >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(n));
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return outcome::stalled;
    else if (errno != EINTR)
      return outcome::failed;
  }
  return outcome::done;
}

void output_descriptor::wait(std::chrono::milliseconds at_most) const {
  pollfd ready{own_ >= 0 ? own_ : descriptor_, POLLOUT, 0};
  ::poll(&ready, 1, static_cast<int>(at_most.count()));
}

} // namespace troupe::transport
