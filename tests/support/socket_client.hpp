#pragma once

#include <troupe/protocol/frame.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

class socket_poller;

/// How a connection came to its end.
struct socket_end {
  /// The code of the server's close frame; 1005 if the frame held none; 1006 if no close frame
  /// came.
  std::uint16_t code = 1006;
  std::string reason; ///< of the close frame
  std::string fault;  ///< what the server did that RFC 6455 does not allow; empty if nothing
};

/// What a client tells its owner, from within `socket_poller::run`. No call may destroy the client.
class socket_events {
public:
  virtual ~socket_events() = default;
  virtual void on_open() = 0;
  /// One whole message; the bytes are gone after the call.
  virtual void on_message(bool binary, std::string_view payload) = 0;
  /// The server has ended the connection. Not called for one that was ended by `drop` or `reset`.
  virtual void on_end(const socket_end& end) = 0;
};

/// A WebSocket client on a non-blocking socket. It shares only the frame constants with the server.
///
/// It expects unfragmented frames and answers pings. Any other input counts as a fault of the
/// server.
class socket_client {
public:
  /// Starts to connect to 127.0.0.1. `subprotocol` may be empty. Throws std::system_error.
  socket_client(socket_poller& poller, socket_events& events, std::uint16_t port,
                std::string_view subprotocol);
  socket_client(const socket_client&) = delete;
  socket_client& operator=(const socket_client&) = delete;
  ~socket_client() { drop(); }

  /// Queues one message; `flush` sends what is queued. Both do nothing unless the connection is
  /// open.
  void say(std::string_view payload, bool binary = false);
  void flush();

  /// Starts the close handshake; `on_end` follows once the server has ended the connection.
  void close(std::uint16_t code);
  /// Ends the connection at once, without a close frame.
  void drop();
  /// Ends the connection at once, by a TCP reset.
  void reset();

  [[nodiscard]] bool open() const { return state_ == state::open; }
  [[nodiscard]] bool ended() const { return fd_ < 0; }

private:
  friend class socket_poller;
  enum class state { connecting, upgrading, open, closing };

  void on_ready(std::uint32_t events, std::vector<char>& buffer);
  void on_connected();
  void on_bytes(std::string_view bytes);
  /// Both return the bytes that they have not used yet.
  std::string_view take_answer(std::string_view bytes);
  std::string_view take_frames(std::string_view bytes);
  void on_frame(protocol::opcode op, std::string_view payload);
  void on_close_frame(std::string_view payload);
  void append_frame(protocol::opcode op, std::string_view payload);
  void watch_writable(bool on);
  void fail(std::string what);
  void finish();

  socket_poller& poller_;
  socket_events& events_;
  std::string subprotocol_;
  int fd_ = -1;
  state state_ = state::connecting;
  bool watching_writable_ = true;
  bool close_came_ = false;
  std::uint32_t mask_;
  std::string in_;  ///< the beginning of an incomplete answer or frame
  std::string out_; ///< what the kernel has not taken yet
  socket_end end_;
};

/// Waits for many clients at once. A client must outlive each call of `run` that tells it
/// something.
class socket_poller {
public:
  /// Throws std::system_error.
  socket_poller();
  socket_poller(const socket_poller&) = delete;
  socket_poller& operator=(const socket_poller&) = delete;
  ~socket_poller();

  /// Waits up to `timeout_ms` for something to happen, and handles all that has.
  void run(int timeout_ms);

private:
  friend class socket_client;
  void watch(socket_client& client, int operation, bool writable);

  int epoll_;
  std::vector<char> buffer_;
};

} // namespace troupe::test
