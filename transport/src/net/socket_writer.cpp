#include "net/socket_writer.hpp"

namespace troupe::transport {

ssize_t socket_writer::gather(const iovec* parts, int count) const {
  msghdr m{};
  m.msg_iov = const_cast<iovec*>(parts);
  m.msg_iovlen = static_cast<std::size_t>(count);
  auto n = ::sendmsg(fd_, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
  return n >= 0 ? counted(n) : after_error(errno, parts, count);
}

ssize_t socket_writer::after_error(int error, const iovec* parts, int count) const {
  if (error == EINTR)
    return gather(parts, count);
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ? 0 : -1;
}

} // namespace troupe::transport
