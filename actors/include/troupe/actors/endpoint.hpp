#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/actors/room_handle.hpp>
#include <troupe/actors/shared_message.hpp>
#include <troupe/protocol/frame.hpp>

#include <any>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// What a client asked for when it connected.
struct handshake {
  std::string target{};                                       ///< path and query, as sent
  std::vector<std::pair<std::string, std::string>> headers{}; ///< names and values, as sent
  /// The client's; behind a trusted proxy the one that the proxy names.
  std::string remote_address{};
};

/// `closing`: its end has begun, for whatever reason; `closed`: its socket has ended.
enum class connection_state : std::uint8_t { open = 0, closing = 1, closed = 2 };

struct raw_state;
struct endpoint_state;

/// One WebSocket without envelope. Copies name the same connection; after its end, and after that
/// of the node, all calls are safe and do nothing. So they are of a handle that names none: one
/// that is default-constructed, made of null, or moved from. It is `closed`.
///
/// Thread: any, unless said otherwise. A call on its loop's thread (as in its handlers) queues at
/// once, one from elsewhere soon. At most 64 MiB (each call counts 256 bytes more), or one message,
/// may be on the way to the loop; beyond that the connection is cut (1013).
class raw_connection {
public:
  raw_connection() noexcept = default;
  explicit raw_connection(std::shared_ptr<raw_state> s) noexcept : state_(std::move(s)) {}

  /// Queues one text message. Precondition: valid UTF-8. Messages to one connection keep their
  /// order; at the bound of its output the connection is cut (1013).
  void send(std::string_view text) const;
  /// The same as one binary message, of any bytes.
  void send_binary(std::string_view bytes) const;
  /// As `send` and `send_binary`, for a message to many connections, which share its bytes.
  void send(const shared_message& message) const;
  /// Sends a ping of at most 125 bytes; `on_pong` follows.
  void ping(std::string_view payload = {}) const;
  /// Closes with 1000, or 3000 to 4999, and a reason of at most 123 bytes. Other codes count as
  /// 1000.
  void close(std::uint16_t code = 1000, std::string_view reason = {}) const;
  /// Ends the socket at once, without a close frame.
  void terminate() const;

  /// The state at this moment.
  [[nodiscard]] connection_state state() const noexcept;
  /// Bytes queued and not yet taken by the socket. Thread: its loop's; 0 elsewhere.
  [[nodiscard]] std::size_t buffered_bytes() const;
  /// What the client asked for when it connected; valid as long as this handle lives.
  [[nodiscard]] const handshake& request() const noexcept;
  /// The claims of the handshake; null if there are none.
  [[nodiscard]] const claims_ptr& claims() const noexcept;
  /// Data of the application's; what a handle that names no connection is given is lost. Thread:
  /// its loop's.
  [[nodiscard]] std::any& user_data() const noexcept;

  friend bool operator==(const raw_connection& a, const raw_connection& b) noexcept {
    return a.state_ == b.state_;
  }

private:
  friend class endpoint;
  void send_frame(const protocol::shared_bytes& frame) const;
  void append(const protocol::shared_bytes& frame) const;
  std::shared_ptr<raw_state> state_;
};

/// The handlers of an endpoint, all optional. Handlers of one connection run one at a time on its
/// loop; those of different connections may run at the same time if the node has several loops.
/// What a handler throws goes to `on_error` and closes that connection with 1011.
struct endpoint_handlers {
  /// The client has connected and has sent nothing yet.
  std::function<void(const raw_connection&)> on_open{};
  /// Once the application has closed the connection, only what was on its way already still comes.
  /// If the node has a rate of messages (`connection_limits`), the first message beyond it is not
  /// passed on, and the client is closed (1008 `flood`).
  std::function<void(const raw_connection&, std::string_view message, bool is_binary)> on_message{};
  /// A pong from the client, whether `ping` has asked for it or not.
  std::function<void(const raw_connection&, std::string_view payload)> on_pong{};
  /// The connection has ended. The code is that of the client's close frame, 1006 if it sent none;
  /// of one that an exception has ended 1011.
  std::function<void(const raw_connection&, std::uint16_t code, std::string_view reason)>
    on_close{};
  /// The server ends the connection for this reason: a bad frame, a bound, a deadline, an
  /// exception. It is told when the close begins; `on_close` follows when the socket has ended.
  /// Once for each exception; the close that follows one is reported to `on_close` alone. What
  /// `on_error` itself throws is logged and counted.
  std::function<void(const raw_connection&, std::string_view what)> on_error{};
  std::function<void()> on_listening{}; ///< the port is open; on the thread that starts the server
  std::function<void()> on_stop{};      ///< the server stops; on the thread that stops it
};

/// A path at which WebSockets have no envelope: messages are sent as they are. An endpoint that is
/// default-constructed, or whose node ends, has no connections. Thread: any.
class endpoint {
public:
  /// Sends to all its connections, through the same fan-out as rooms: encoded once, in one order
  /// for all. There is no order between broadcasts and messages to one connection. `overloaded`:
  /// nothing was sent, because too much waits. `gone`: nothing was sent, because the node ends or
  /// has ended. While it drains, an accepted message may find its clients closed already. A client
  /// that is closed, by itself or by `close`, may miss what was said last, as in rooms.
  publish_result broadcast(std::string_view text) const;
  /// The same as binary messages, and for all but one connection.
  publish_result broadcast_binary(std::string_view bytes) const;
  publish_result broadcast_except(const raw_connection& who, std::string_view text) const;
  publish_result broadcast_binary_except(const raw_connection& who, std::string_view bytes) const;

  /// Its open connections at this moment; one whose close has begun is none. Cost: linear.
  [[nodiscard]] std::vector<raw_connection> clients() const;
  [[nodiscard]] std::size_t client_count() const;

  /// The handlers it was made with.
  [[nodiscard]] const endpoint_handlers& handlers() const noexcept;
  /// For `connection_info::endpoint`; null if default-constructed.
  [[nodiscard]] const std::shared_ptr<endpoint_state>& state() const noexcept { return state_; }

  /// An endpoint without a node; `node::make_endpoint` and `server::endpoint` make others.
  endpoint() = default;
  explicit endpoint(std::shared_ptr<endpoint_state> s) noexcept : state_(std::move(s)) {}

private:
  publish_result say(const raw_connection* except, protocol::opcode op,
                     std::string_view payload) const;
  std::shared_ptr<endpoint_state> state_;
};

} // namespace troupe::actors
