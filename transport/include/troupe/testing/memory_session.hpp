#pragma once

#include <troupe/actors/node.hpp>
#include <troupe/actors/outbox.hpp>
#include <troupe/transport/session_deadlines.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::testing {

/// One frame that a client has received.
struct received_frame {
  std::uint8_t opcode = 0; ///< RFC 6455, 5.2
  std::string payload;
  /// Whether it began after the server cut this client off: data before it may be missing.
  bool after_cut = false;
  [[nodiscard]] std::uint16_t close_code() const noexcept;
};

/// A client and its connection without a socket. What it says goes to the connection actor under
/// the same credit as a real session's, and what it is sent goes through the same writer; it ends
/// by the same rules. The test decides how many bytes its "socket" takes, and whether the server
/// has deadlines. Thread: the loop's.
class memory_session final {
public:
  /// Throws `std::invalid_argument` for a loop that is not the node's, or for impossible bounds.
  memory_session(actors::node& node, actors::event_loop& loop, actors::connection_info info,
                 actors::outbox::bounds bounds = {},
                 transport::session_deadlines deadlines = transport::session_deadlines::none());
  memory_session(const memory_session&) = delete;
  memory_session& operator=(const memory_session&) = delete;
  ~memory_session();

  /// Sends a message, which waits here while the server does not read.
  void say(std::string message, bool binary = false);

  /// Answers a ping.
  void pong(std::string payload);

  /// Lets the socket take at most `bytes` more; nothing: any number.
  void set_window(std::optional<std::size_t> bytes);

  /// Ends the socket without a close frame.
  void disconnect();
  /// Ends it with a close frame of the client's, or with its answer to the server's.
  void close(std::uint16_t code, std::string reason);

  /// Whole frames received since the last call.
  [[nodiscard]] std::vector<received_frame> take_frames();

  /// Whether the connection has ended, for whatever reason.
  [[nodiscard]] bool ended() const noexcept;

  /// Messages that the server has not read yet.
  [[nodiscard]] std::size_t unread() const noexcept;

  /// Messages whose credit has not come back.
  [[nodiscard]] std::int64_t held_messages() const;

  /// Bytes that were sent to the client and that it has not taken.
  [[nodiscard]] std::size_t queued_bytes() const;

private:
  class session;
  std::shared_ptr<session> session_; ///< its loop may hold it for longer
};

} // namespace troupe::testing
