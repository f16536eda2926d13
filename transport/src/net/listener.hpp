#pragma once

#include "net/owned_descriptor.hpp"
#include "net/tcp.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/poller.hpp>
#include <troupe/protocol/observe.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::transport {

/// Which descriptors a port's sockets may not use. The system gives the lowest free number: a high
/// one means that nearly all are in use.
struct socket_reserve {
  /// A socket with this number or a higher one evicts another.
  int scarce_from = std::numeric_limits<int>::max();
  int shut_from = std::numeric_limits<int>::max(); ///< one from here on is closed at once
  std::function<void()> make_room = [] {};         ///< evicts a socket
};

/// Accepts on one port, in both address families unless one address is given, and hands sockets on.
///
/// If descriptors or memory run out, or a handler throws, it waits 10 ms, doubling to 1 s, and goes
/// on: only `stop` closes the port. Thread: that of the loop it was made for, but for its
/// constructor and `port`.
class listener {
public:
  /// Takes an accepted, non-blocking socket for that loop, and its peer.
  using accept_handler =
    std::function<void(actors::event_loop&, owned_descriptor, const tcp::endpoint&)>;
  using choose_loop = std::function<actors::event_loop&()>;

  /// Binds; throws `std::system_error` that names address and port. `bind` empty: all addresses.
  /// Port 0: any free one.
  listener(actors::event_loop& loop, const std::string& bind, std::uint16_t port,
           protocol::logger& log, protocol::event_counters& counters);

  /// Accepts from now on, each socket for the loop that `choose` names at that time. All three
  /// callbacks run on the listener's loop; an exception of theirs is counted and ends that one
  /// socket.
  void start(choose_loop choose, accept_handler on_socket, socket_reserve kept = {});

  void stop();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
  struct listening_socket final : actors::timer_wheel::entry, actors::pollable {
    listening_socket(listener& l, int d) noexcept : owner(l), descriptor(d) {}
    ~listening_socket();
    void on_deadline() override { owner.watch_or_back_off(*this); }
    void on_ready(std::uint32_t) override {
      if (!armed()) // while armed, it backs off
        owner.on_connections(*this);
    }
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return descriptor >= 0; }
    listener& owner;
    int descriptor;
    bool is_polled = false;
    std::chrono::milliseconds pause{0}; ///< the last one after a failure; 0: none since
  };

  void open(const tcp::endpoint& at);
  void watch_or_back_off(listening_socket& s) noexcept;
  void watch(listening_socket& s);
  void on_connections(listening_socket& s) noexcept;
  enum class accepted { all, some, none };
  accepted accept_some(listening_socket& s);
  void hand_over(owned_descriptor socket, const tcp::endpoint& peer);
  void on_shortage(listening_socket& s, int error);
  void back_off(listening_socket& s) noexcept;

  actors::event_loop& loop_;
  protocol::logger& log_;
  protocol::event_counters& counters_;
  std::uint16_t port_ = 0;
  std::optional<actors::steady_time> warned_at_; ///< of sockets that cannot be accepted
  choose_loop choose_;
  accept_handler on_socket_;
  socket_reserve reserve_;
  std::vector<std::unique_ptr<listening_socket>> listening_; ///< one for each address family
};

} // namespace troupe::transport
