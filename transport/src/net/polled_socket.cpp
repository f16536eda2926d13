#include <utility>

#include "net/polled_socket.hpp"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace troupe::transport {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::size_t bytes_in_kernel(int descriptor, unsigned long which) noexcept {
  int bytes = 0;
  return ::ioctl(descriptor, which, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

} // namespace

polled_socket::polled_socket(owned_descriptor socket, actors::event_loop& loop) noexcept
  : loop_(loop), descriptor_(socket.release()) {}

polled_socket::polled_socket(polled_socket&& other) noexcept : loop_(other.loop_), descriptor_(-1) {
  if (other.is_polled_)
    loop_.sockets().hand_over(other.descriptor_, other, *this);
  descriptor_ = std::exchange(other.descriptor_, -1);
  is_polled_ = std::exchange(other.is_polled_, false);
  may_have_input_ = other.may_have_input_;
  stops_short_ = other.stops_short_;
  has_ended_ = other.has_ended_;
}

polled_socket::~polled_socket() {
  error_code ignored; // the descriptor is gone even after an error
  close(ignored);
}

void polled_socket::set_owner(owner& o) {
  if (!is_polled_)
    loop_.sockets().add(descriptor_, *this);
  is_polled_ = true;
  owner_ = &o;
}

std::size_t polled_socket::unread_bytes() const noexcept {
  return bytes_in_kernel(descriptor_, SIOCINQ);
}

std::size_t polled_socket::undelivered_bytes() const noexcept {
  return bytes_in_kernel(descriptor_, SIOCOUTQ);
}

void polled_socket::drop_output_at_close() noexcept {
  const ::linger none{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

std::size_t polled_socket::read_some(asio::mutable_buffer into, error_code& ec) noexcept {
  if (!is_open()) {
    ec = asio::error::operation_aborted;
    return 0;
  }
  ssize_t n = -1;
  do // not `recv`: as a cancellation point it has two more atomic operations
    n = ::syscall(SYS_recvfrom, descriptor_, into.data(), into.size(), MSG_DONTWAIT, nullptr,
                  nullptr);
  while (n < 0 && errno == EINTR);
  auto size = n > 0 ? static_cast<std::size_t>(n) : 0;
  ec = {};
  if (n == 0)
    ec = asio::error::eof;
  else if (n < 0)
    ec.assign(errno == EWOULDBLOCK ? EAGAIN : errno, asio::error::get_system_category());
  auto is_empty = ec == asio::error::would_block;
  if (is_empty)
    stops_short_ = false;
  if (!has_ended_ && (is_empty || (n > 0 && size < into.size() && !stops_short_)))
    may_have_input_ = false;
  return size;
}

std::size_t polled_socket::write_some(std::span<const iovec> parts, error_code& ec) noexcept {
  ec = {};
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  ssize_t n = -1;
  do
    n = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    ec.assign(errno == EWOULDBLOCK ? EAGAIN : errno, asio::error::get_system_category());
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void polled_socket::shutdown(asio::socket_base::shutdown_type what, error_code& ec) noexcept {
  ec = {};
  if (::shutdown(descriptor_, static_cast<int>(what)) < 0)
    ec.assign(errno, asio::error::get_system_category());
}

void polled_socket::close(error_code& ec) noexcept {
  ec = {};
  if (!is_open())
    return;
  if (std::exchange(is_polled_, false))
    loop_.sockets().remove(descriptor_, *this);
  if (::close(std::exchange(descriptor_, -1)) < 0)
    ec.assign(errno, asio::error::get_system_category());
  may_have_input_ = owner_waits_ = owner_waits_for_room_ = false;
  abort(reader_);
  abort(writer_);
}

void polled_socket::on_ready(std::uint32_t events) {
  auto held = owner_->hold();
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    has_ended_ = true;
  if (events & EPOLLPRI)
    stops_short_ = true;
  if (events & ~std::uint32_t{EPOLLOUT})
    may_have_input_ = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
    if (writer_)
      writer_.release()->run(1);
    else if (std::exchange(owner_waits_for_room_, false))
      owner_->on_room();
  }
  if (!may_have_input_)
    return;
  if (reader_)
    reader_.release()->run(1);
  else if (std::exchange(owner_waits_, false))
    owner_->on_input();
}

/// The operations keep the owner alive, and the owner keeps this socket.
void polled_socket::on_end() noexcept {
  auto reader = std::move(reader_);
  auto writer = std::move(writer_);
  if (owner_)
    owner_->on_loop_end();
}

void polled_socket::start_reader(std::unique_ptr<operation> o) {
  abort(reader_); // there is none, by contract
  if (is_open() && !may_have_input_)
    reader_ = std::move(o);
  else
    loop_.post_job(*o.release());
}

void polled_socket::await_room() {
  loop_.sockets().change(descriptor_, actors::poller::interest::input_and_output);
  owner_waits_for_room_ = true;
}

/// The poller tells at once if there is room.
void polled_socket::start_writer(std::unique_ptr<operation> o) {
  loop_.sockets().change(descriptor_, actors::poller::interest::input_and_output);
  writer_ = std::move(o);
}

void polled_socket::abort(std::unique_ptr<operation>& o) noexcept {
  if (!o)
    return;
  o->ec = asio::error::operation_aborted;
  loop_.post_job(*o.release());
}

} // namespace troupe::transport
