// A read after which Asio does not ask an empty socket again.
#pragma once

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include <boost/asio/detail/reactive_socket_recv_op.hpp> // in 1.74 it includes less than it names

#if defined(__linux__)
#  include <netinet/tcp.h>
#endif

#if defined(TCP_INQ) && defined(BOOST_ASIO_HAS_EPOLL) && !defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#  define TROUPE_HAS_EMPTYING_READ 1
#else
#  define TROUPE_HAS_EMPTYING_READ 0
#endif

namespace troupe::transport {

/// A buffer for `async_read_some` on a TCP socket: with it, the read notices whether it has emptied
/// the socket.
///
/// Asio starts each read with a `recv`, which between two messages finds nothing. It leaves that
/// out where the read before says that nothing is left. Fewer bytes than asked for do not say so,
/// since the end of the stream may lie behind them and epoll has told of both at once; Linux does
/// (`TCP_INQ`, since 4.18: what is left, or 1 at the end of the stream). Where it does not, nothing
/// changes, and `emptied` stays as it was.
class emptying_buffer : public boost::asio::mutable_buffer {
public:
  /// `emptied` outlives the read.
  emptying_buffer(const boost::asio::mutable_buffer& b, bool& emptied) noexcept : mutable_buffer(b), emptied_(&emptied) {}
  void note(bool is_empty) const noexcept { *emptied_ = is_empty; }

private:
  bool* emptied_;
};

} // namespace troupe::transport

#if TROUPE_HAS_EMPTYING_READ

#  include <netinet/in.h>
#  include <sys/socket.h>

#  include <cerrno>
#  include <cstring>

namespace troupe::transport {

/// Makes a socket tell what is left behind a read, and if it listens, those that it accepts.
inline void tell_what_is_left(int socket) noexcept {
  int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_INQ, &on, sizeof on); // without it, reads ask once more
}

/// `recvmsg`, as `recv`. `is_empty`: surely nothing is left, and the stream has not ended.
inline ssize_t receive_and_look(int socket, const boost::asio::mutable_buffer& into, int flags, bool& is_empty) noexcept {
  iovec part{into.data(), into.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto n = ::recvmsg(socket, &message, flags);
  is_empty = false;
  auto* left = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (left && left->cmsg_level == IPPROTO_TCP && left->cmsg_type == TCP_CM_INQ) {
    int bytes = 1;
    std::memcpy(&bytes, CMSG_DATA(left), sizeof bytes);
    is_empty = bytes == 0;
  }
  return n;
}

} // namespace troupe::transport

/// What Asio does for a read with that buffer.
template <>
class boost::asio::detail::reactive_socket_recv_op_base<troupe::transport::emptying_buffer> : public reactor_op {
public:
  reactive_socket_recv_op_base(const boost::system::error_code& success, socket_type socket, socket_ops::state_type,
                               const troupe::transport::emptying_buffer& into, socket_base::message_flags flags, func_type complete)
    : reactor_op(success, &reactive_socket_recv_op_base::do_perform, complete), socket_(socket), into_(into), flags_(flags) {}

  static status do_perform(reactor_op* base) {
    auto& self = *static_cast<reactive_socket_recv_op_base*>(base);
    bool is_empty = false;
    ssize_t n = 0;
    do
      n = troupe::transport::receive_and_look(self.socket_, self.into_, self.flags_, is_empty);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return not_done;
    self.into_.note(is_empty);
    self.bytes_transferred_ = n > 0 ? static_cast<std::size_t>(n) : 0;
    if (n < 0)
      self.ec_.assign(errno, boost::asio::error::get_system_category());
    else if (n == 0)
      self.ec_ = boost::asio::error::eof;
    return n == 0 || is_empty ? done_and_exhausted : done;
  }

private:
  socket_type socket_;
  troupe::transport::emptying_buffer into_;
  socket_base::message_flags flags_;
};

#else

namespace troupe::transport {

inline void tell_what_is_left(int) noexcept {}

} // namespace troupe::transport

#endif
