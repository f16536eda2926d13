#include <utility>

#include "listener.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
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
  auto host = at.address().is_v6() ? "[" + at.address().to_string() + "]" : at.address().to_string();
  return {ec.value(), std::system_category(), "cannot listen on " + host + ":" + std::to_string(at.port())};
}

/// Small messages leave at once; dead peers are noticed by the kernel, too. What is accepted inherits it (tcp(7), on Linux).
void set_options(tcp::acceptor& acceptor) {
  error_code ignored; // sockets that take no option work without
  acceptor.set_option(tcp::no_delay{true}, ignored);
  acceptor.set_option(boost::asio::socket_base::keep_alive{true}, ignored);
  ::setsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

const char* name_of(const error_code& ec) {
  switch (ec.value()) {
    case EMFILE: return "EMFILE";
    case ENFILE: return "ENFILE";
    case ENOBUFS: return "ENOBUFS";
    case ENOMEM: return "ENOMEM";
    case ECONNABORTED: return "ECONNABORTED";
    default: return "other";
  }
}

} // namespace

listener::listener(actors::event_loop& loop, const std::string& bind, std::uint16_t port, protocol::logger& log,
                   protocol::event_counters& counters)
  : loop_(loop), log_(log), counters_(counters), port_(port) {
  if (!bind.empty()) {
    error_code ec;
    auto address = ip::make_address(bind, ec);
    if (ec)
      throw std::system_error{EINVAL, std::system_category(), "cannot listen on " + bind + ": not an IP address"};
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
  error_code ec;
  tcp::acceptor acceptor{loop_.context()};
  acceptor.open(at.protocol(), ec);
  if (!ec)
    acceptor.set_option(tcp::acceptor::reuse_address{true}, ec);
  if (!ec) // else Asio waits in `accept`, and the loop with it, if a client has gone meanwhile
    acceptor.set_option(boost::asio::socket_base::enable_connection_aborted{true}, ec);
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
  doors_.push_back(std::make_unique<door>(*this, std::move(acceptor)));
}

void listener::start(choose_loop choose, take on_socket) {
  choose_ = std::move(choose);
  on_socket_ = std::move(on_socket);
  for (auto& d : doors_)
    accept(*d);
}

void listener::stop() {
  for (auto& d : doors_) {
    d->cancel();
    error_code ignored; // closed either way
    d->acceptor.close(ignored);
  }
}

void listener::accept(door& d) {
  auto& target = choose_();
  d.acceptor.async_accept(target.context(), d.peer, [this, &d, &target](error_code ec, plain_socket socket) {
    if (ec)
      return on_error(d, ec);
    hand_on(d, target, std::move(socket));
    accept_waiting(d);
  });
}

/// Takes some more of those that wait, without asking the reactor for each, and waits for the next.
void listener::accept_waiting(door& d) {
  constexpr int most = 7; // a handler accepts eight at most
  for (int i = 0; i < most && d.acceptor.is_open(); ++i) {
    auto& target = choose_();
    error_code ec;
    auto socket = d.acceptor.accept(target.context(), d.peer, ec);
    if (ec == boost::asio::error::would_block)
      break;
    if (ec)
      return on_error(d, ec);
    hand_on(d, target, std::move(socket));
  }
  accept(d);
}

void listener::hand_on(door& d, actors::event_loop& target, plain_socket socket) {
  d.back_off = 0ms;
  error_code ignored; // a socket that cannot even do this fails at its first read
  socket.non_blocking(true, ignored); // sessions read what is there, and no more
  on_socket_(target, std::move(socket), d.peer);
}

void listener::on_error(door& d, const error_code& ec) {
  if (ec == boost::asio::error::operation_aborted || !d.acceptor.is_open())
    return;
  counters_.count(protocol::counter::accept_errors, name_of(ec));
  if (ec.value() == ECONNABORTED)
    return accept(d);
  if (d.back_off == 0ms)
    log_.write(protocol::log_level::warning, "listener", "accept: " + ec.message());
  d.back_off = d.back_off == 0ms ? first_back_off : std::min<std::chrono::milliseconds>(d.back_off * 2, last_back_off);
  loop_.arm(d, d.back_off);
}

} // namespace troupe::transport
