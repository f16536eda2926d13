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

constexpr auto first_pause = 10ms;
constexpr auto longest_pause = 1000ms;
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
  auto made = std::make_unique<listening_socket>(*this, -1);
  made->descriptor = acceptor.release();
  listening_.push_back(std::move(made));
}

void listener::start(choose_loop choose, accept_handler on_socket, socket_reserve kept) {
  choose_ = std::move(choose);
  on_socket_ = std::move(on_socket);
  reserve_ = std::move(kept);
  for (auto& s : listening_)
    watch_or_back_off(*s);
}

void listener::stop() {
  for (auto& s : listening_) {
    s->cancel();
    s->close();
  }
}

listener::listening_socket::~listening_socket() { close(); }

void listener::listening_socket::close() noexcept {
  if (!is_open())
    return;
  if (std::exchange(is_polled, false))
    owner.loop_.sockets().remove(descriptor, *this);
  ::close(std::exchange(descriptor, -1));
}

/// After a failure, a timer, which needs no memory, calls this again.
void listener::watch_or_back_off(listening_socket& s) noexcept {
  try {
    watch(s);
  } catch (...) {
    protocol::report_exception(log_, counters_, "accept");
    back_off(s);
  }
}

/// Asks the poller to tell of connections, including those that wait already.
void listener::watch(listening_socket& s) {
  if (s.is_polled)
    loop_.sockets().change(s.descriptor, actors::poller::interest::input);
  else
    loop_.sockets().add(s.descriptor, s);
  s.is_polled = true;
}

void listener::on_connections(listening_socket& s) noexcept {
  try {
    if (accept_some(s) == accepted::some && s.is_open())
      watch(s);
  } catch (...) {
    protocol::report_exception(log_, counters_, "accept");
    back_off(s);
  }
}

/// Accepts some of the connections that wait. `all`: none is left. `none`: it backs off.
listener::accepted listener::accept_some(listening_socket& s) {
  constexpr int most = 8;
  for (int i = 0; i < most && s.is_open(); ++i) {
    tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    owned_descriptor socket{
      ::accept4(s.descriptor, peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket.get() < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return accepted::all;
    auto error = socket.get() < 0 ? errno : socket.get() >= reserve_.shut_from ? EMFILE : 0;
    if (error == 0) {
      peer.resize(size);
      auto is_scarce = socket.get() >= reserve_.scarce_from;
      hand_over(std::move(socket), peer);
      s.pause = 0ms;
      if (is_scarce)
        return accepted::some; // so that the evicted socket can end meanwhile
    } else if (!is_of_one_socket(error)) {
      on_shortage(s, error);
      return accepted::none;
    } else {
      counters_.count(protocol::counter::accept_errors, name_of(error));
    }
  }
  return accepted::some;
}

void listener::hand_over(owned_descriptor socket, const tcp::endpoint& peer) {
  if (socket.get() >= reserve_.scarce_from)
    reserve_.make_room();
  auto& target = choose_();
  on_socket_(target, std::move(socket), peer);
}

/// Backs off: no descriptor or memory is free, or only reserved descriptors are.
void listener::on_shortage(listening_socket& s, int error) {
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
  back_off(s);
}

void listener::back_off(listening_socket& s) noexcept {
  s.pause =
    s.pause == 0ms ? first_pause : std::min<std::chrono::milliseconds>(s.pause * 2, longest_pause);
  loop_.arm(s, s.pause);
}

} // namespace troupe::transport
