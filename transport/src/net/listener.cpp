#include <utility>

#include "net/listener.hpp"

#include <troupe/transport/option_text.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace troupe::transport {

namespace ip = boost::asio::ip;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr auto first_back_off = 10ms;
constexpr auto last_back_off = 1000ms;
constexpr int user_timeout_ms = 60'000;

std::system_error cannot_listen(const tcp::endpoint& at, const error_code& ec) {
  return {ec.value(), std::system_category(),
          "cannot listen on " + write_address_and_port(at.address().to_string(), at.port())};
}

/// Small messages leave at once; dead peers are noticed by the kernel, too. Accepted sockets
/// inherit these options (tcp(7), on Linux).
template <class Acceptor>
void set_options(Acceptor& acceptor) {
  error_code ignored; // a socket works without them, too
  acceptor.set_option(tcp::no_delay{true}, ignored);
  acceptor.set_option(boost::asio::socket_base::keep_alive{true}, ignored);
  ::setsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
               sizeof user_timeout_ms);
}

const char* name_of(int error) {
  switch (error) {
    case EMFILE: return "EMFILE";
    case ENFILE: return "ENFILE";
    case ENOBUFS: return "ENOBUFS";
    case ENOMEM: return "ENOMEM";
    case ECONNABORTED: return "ECONNABORTED";
    default: return "other";
  }
}

/// Errors of accept(2) that concern only one socket; the next one may be fine.
bool is_of_one_socket(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM: // a firewall's
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH: return true;
    default: return false;
  }
}

} // namespace

listener::listener(actors::event_loop& loop, const std::string& bind, std::uint16_t port,
                   protocol::logger& log, protocol::event_counters& counters)
  : loop_(loop), log_(log), counters_(counters), port_(port) {
  if (!bind.empty()) {
    error_code ec;
    auto address = ip::make_address(bind, ec);
    if (ec)
      throw std::system_error{EINVAL, std::system_category(),
                              "cannot listen on " + bind + ": not an IP address"};
    open({address, port});
    return;
  }
  open({ip::address_v4::any(), port});
  try {
    open({ip::address_v6::any(), port_});
  } catch (const std::system_error& e) {
    if (e.code().value() != EAFNOSUPPORT && e.code().value() != EADDRNOTAVAIL)
      throw;
    log_.write(protocol::log_level::info, "listener", "this machine has no IPv6");
  }
}

void listener::open(const tcp::endpoint& at) {
  using acceptor_socket =
    boost::asio::basic_socket_acceptor<tcp, boost::asio::io_context::executor_type>;
  error_code ec;
  // the loop's context belongs to its thread; this one serves for these calls only
  boost::asio::io_context nobodys;
  acceptor_socket acceptor{nobodys};
  acceptor.open(at.protocol(), ec);
  // a program that a handler starts must not inherit the port
  if (!ec && ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC) < 0)
    ec.assign(errno, boost::system::system_category());
  if (!ec)
    acceptor.set_option(acceptor_socket::reuse_address{true}, ec);
  if (!ec && at.address().is_v6())
    acceptor.set_option(ip::v6_only{true}, ec);
  if (!ec)
    acceptor.bind(at, ec);
  if (!ec)
    set_options(acceptor); // before the first connection
  if (!ec)
    acceptor.listen(boost::asio::socket_base::max_listen_connections, ec);
  if (!ec)
    acceptor.non_blocking(true, ec);
  if (ec)
    throw cannot_listen(at, ec);
  port_ = acceptor.local_endpoint().port();
  auto made = std::make_unique<door>(*this, -1);
  made->descriptor = acceptor.release();
  doors_.push_back(std::move(made));
}

void listener::start(choose_loop choose, take on_socket, socket_reserve kept) {
  choose_ = std::move(choose);
  on_socket_ = std::move(on_socket);
  reserve_ = std::move(kept);
  for (auto& d : doors_)
    open_again(*d);
}

void listener::stop() {
  for (auto& d : doors_) {
    d->cancel();
    d->close();
  }
}

listener::door::~door() { close(); }

void listener::door::close() noexcept {
  if (!is_open())
    return;
  if (std::exchange(is_polled, false))
    owner.loop_.sockets().remove(descriptor, *this);
  ::close(std::exchange(descriptor, -1));
}

/// After a failure, a timer, which needs no memory, tries again.
void listener::open_again(door& d) noexcept {
  try {
    wait(d);
  } catch (...) {
    protocol::report_exception(log_, counters_, "accept");
    rest(d);
  }
}

/// Asks the poller to tell of sockets, including those that wait already.
void listener::wait(door& d) {
  if (d.is_polled)
    loop_.sockets().change(d.descriptor, d, actors::poller::interest::input);
  else
    loop_.sockets().add(d.descriptor, d);
  d.is_polled = true;
}

void listener::on_waiting(door& d) noexcept {
  try {
    if (accept_some(d) == accepted::some && d.is_open())
      wait(d);
  } catch (...) {
    protocol::report_exception(log_, counters_, "accept");
    rest(d);
  }
}

/// Accepts some of the sockets that wait; `none`: the door rests.
listener::accepted listener::accept_some(door& d) {
  constexpr int most = 8;
  for (int i = 0; i < most && d.is_open(); ++i) {
    tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    owned_descriptor socket{
      ::accept4(d.descriptor, peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket.get() < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return accepted::all;
    auto error = socket.get() < 0 ? errno : socket.get() >= reserve_.shut_from ? EMFILE : 0;
    if (error == 0) {
      peer.resize(size);
      auto is_scarce = socket.get() >= reserve_.scarce_from;
      take_in(std::move(socket), peer);
      d.back_off = 0ms;
      if (is_scarce)
        return accepted::some; // so that the evicted socket can end meanwhile
    } else if (!is_of_one_socket(error)) {
      give_up(d, error);
      return accepted::none;
    } else {
      counters_.count(protocol::counter::accept_errors, name_of(error));
    }
  }
  return accepted::some;
}

void listener::take_in(owned_descriptor socket, const tcp::endpoint& peer) {
  if (socket.get() >= reserve_.scarce_from)
    reserve_.make_room();
  auto& target = choose_();
  on_socket_(target, std::move(socket), peer);
}

/// Gives up for now: no descriptor or memory is free, or only reserved descriptors are.
void listener::give_up(door& d, int error) {
  counters_.count(protocol::counter::accept_errors, name_of(error));
  constexpr auto between_warnings = 10s; // a shortage comes and goes with each socket
  auto now = loop_.now();
  if (!warned_at_ || now - *warned_at_ >= between_warnings) {
    warned_at_ = now;
    log_.write(protocol::log_level::warning, "listener",
               "accept: " + std::system_category().message(error));
  }
  if (error == EMFILE || error == ENFILE)
    reserve_.make_room();
  rest(d);
}

void listener::rest(door& d) noexcept {
  d.back_off = d.back_off == 0ms
               ? first_back_off
               : std::min<std::chrono::milliseconds>(d.back_off * 2, last_back_off);
  loop_.arm(d, d.back_off);
}

} // namespace troupe::transport
