#pragma once

#include <troupe/actors/node.hpp>
#include <troupe/actors/outbox.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/transport/session_deadlines.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {
class websocket_session;
}

namespace troupe::testing {

/// One frame that a client has received.
struct received_frame {
  std::uint8_t opcode = 0; ///< RFC 6455, 5.2
  std::string payload;
  /// Whether it began after the server cut this client off: data before it may be missing.
  bool after_cut = false;
  [[nodiscard]] std::uint16_t close_code() const noexcept;
};

/// A client without a socket, and the session that a server would give it. Between the two is a
/// pipe in memory, which carries frames as a socket would. The test decides how many bytes the
/// client takes, and whether the server has deadlines. Thread: the loop's.
class memory_session final {
public:
  /// Throws `std::invalid_argument` for a loop that is not the node's, or for impossible bounds;
  /// and what `actors::node::open` throws.
  memory_session(actors::node& node, actors::event_loop& loop, actors::connection_info info,
                 actors::outbox::bounds bounds = {},
                 transport::session_deadlines deadlines = transport::session_deadlines::none());
  memory_session(const memory_session&) = delete;
  memory_session& operator=(const memory_session&) = delete;
  ~memory_session();

  /// Sends a message, which waits here while the server does not read.
  void say(std::string_view message, bool binary = false);

  /// Answers a ping.
  void pong(std::string_view payload);

  /// Lets the socket take at most `bytes` more; nothing: any number.
  void set_window(std::optional<std::size_t> bytes);

  /// Ends the socket without a close frame, as a reset does: nothing more reaches the client. What
  /// it has sent, the server still reads.
  void disconnect();
  /// Sends a close frame, or the answer to the server's, behind all that was said. `code` 0:
  /// without one. The session ends once the server has read it and answered.
  void close(std::uint16_t code, std::string_view reason);

  /// Whole frames received since the last call.
  [[nodiscard]] std::vector<received_frame> take_frames();

  /// Whether the connection has ended, for whatever reason.
  [[nodiscard]] bool ended() const noexcept;

  /// Whether the client has ended it by `disconnect`. Then it says nothing any more.
  [[nodiscard]] bool disconnected() const noexcept { return disconnected_; }

  /// Whether the server heeds what it says: it has neither ended nor queued a close frame.
  [[nodiscard]] bool heeded() const noexcept;

  /// Messages that the server has not heard: not read yet, or thrown away behind its close.
  [[nodiscard]] std::size_t unread() const noexcept;
  /// Bytes that the server has not read yet.
  [[nodiscard]] std::size_t unread_bytes() const noexcept;

  /// Messages whose credit has not come back.
  [[nodiscard]] std::int64_t held_messages() const;

  /// Bytes that were sent to the client and that it has not taken.
  [[nodiscard]] std::size_t queued_bytes() const;

private:
  class cut_watch;
  struct line;

  void send(protocol::opcode op, std::string_view payload);

  std::shared_ptr<line> line_;
  std::shared_ptr<transport::websocket_session> session_;
  std::uint32_t said_ = 0; ///< messages, modulo its range
  bool disconnected_ = false;
};

} // namespace troupe::testing
