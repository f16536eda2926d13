#pragma once

#include <troupe/actors/time_histogram.hpp>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace troupe::transport {

/// Writes to a socket by one system call; see `actors::outbox` for the result. Inlined by force:
/// the kernel clears the processor's predictions of return addresses, so that each call level
/// between the loop over a room's members and the system call costs a mispredicted return.
class socket_writer {
public:
  /// `sent` counts what the socket takes.
  socket_writer(int fd, actors::loop_counter& sent) : sent_(&sent), fd_(fd) {}

  [[gnu::always_inline]] ssize_t operator()(const iovec* parts, int count) const {
    if (count != 1)
      return gather(parts, count);
    // Not `send`: as a cancellation point it has two more atomic operations.
    ssize_t n = ::syscall(SYS_sendto, fd_, parts->iov_base, parts->iov_len,
                          MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
    return n >= 0 ? counted(n) : after_error(errno, parts, count);
  }

private:
  [[gnu::always_inline]] ssize_t counted(ssize_t taken) const noexcept {
    sent_->add(static_cast<std::size_t>(taken));
    return taken;
  }
  [[nodiscard]] ssize_t gather(const iovec* parts, int count) const;
  [[nodiscard]] ssize_t after_error(int error, const iovec* parts, int count) const;

  actors::loop_counter* sent_;
  int fd_;
};

} // namespace troupe::transport
