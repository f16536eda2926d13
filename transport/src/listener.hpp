#pragma once

#include "socket_kinds.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/protocol/observe.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::transport {

/// Accepts on one port, in both address families unless one address is given, and hands sockets on.
///
/// Runs out of descriptors: waits 10 ms, doubling to 1 s, and goes on. Thread: that of the loop it was made for, but for its
/// constructor and `port`.
class listener {
public:
  /// An accepted socket, for that loop, and its peer.
  using take = std::function<void(actors::event_loop&, plain_socket, const tcp::endpoint&)>;
  using choose_loop = std::function<actors::event_loop&()>;

  /// Binds; throws `std::system_error` that names address and port. `bind` empty: all addresses. Port 0: any.
  listener(actors::event_loop& loop, const std::string& bind, std::uint16_t port, protocol::logger& log,
           protocol::event_counters& counters);

  /// Accepts from now on, each socket on the loop that `choose` names at that time. `on_socket` runs on the listener's loop.
  void start(choose_loop choose, take on_socket);

  void stop();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
  struct door final : actors::timer_wheel::entry {
    door(listener& l, tcp::acceptor a) : owner(l), acceptor(std::move(a)) {}
    void on_deadline() override { owner.accept(*this); }
    listener& owner;
    tcp::acceptor acceptor;
    tcp::endpoint peer; ///< of the socket being accepted
    std::chrono::milliseconds back_off{0};
  };

  void open(const tcp::endpoint& at);
  void accept(door& d);
  void accept_waiting(door& d);
  void hand_on(door& d, actors::event_loop& target, plain_socket socket);
  void on_error(door& d, const boost::system::error_code& ec);

  actors::event_loop& loop_;
  protocol::logger& log_;
  protocol::event_counters& counters_;
  std::uint16_t port_ = 0;
  choose_loop choose_;
  take on_socket_;
  std::vector<std::unique_ptr<door>> doors_;
};

} // namespace troupe::transport
