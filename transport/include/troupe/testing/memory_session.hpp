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
  /// Begun after the server cut this client off: data before it may be missing.
  bool after_cut = false;
  [[nodiscard]] std::uint16_t close_code() const noexcept;
};

/// A client and its connection without a socket: what it says goes to the connection actor under
/// the same credits; what it is sent goes through the writer of a real session, and it ends by the
/// same rules. The test decides how many bytes its "socket" takes, and whether the server has
/// patience without end. Thread: the loop's.
class memory_session final {
public:
  /// Throws `std::invalid_argument` for a loop that is not the node's, or bounds that cannot be.
  memory_session(actors::node& node, actors::event_loop& loop, actors::connection_info info,
                 actors::outbox::bounds bounds = {},
                 transport::session_deadlines deadlines = transport::session_deadlines::none());
  memory_session(const memory_session&) = delete;
  memory_session& operator=(const memory_session&) = delete;
  ~memory_session();

  /// Sends a message; it waits here while the server does not read.
  void say(std::string message, bool binary = false);

  /// Lets the socket take at most `bytes` more; nothing: any number.
  void set_window(std::optional<std::size_t> bytes);

  /// The socket ends without a word.
  void disconnect();

  /// Whole frames received since the last call.
  [[nodiscard]] std::vector<received_frame> take_frames();

  /// Whether the connection has ended, for whatever reason.
  [[nodiscard]] bool ended() const noexcept;

  /// What the server does not yet read.
  [[nodiscard]] std::size_t unread() const noexcept;

  /// Messages whose credit has not come back.
  [[nodiscard]] std::int64_t held_messages() const;

  /// Bytes that it is sent and has not taken.
  [[nodiscard]] std::size_t queued_bytes() const;

private:
  class session;
  std::shared_ptr<session> session_; ///< which its loop may hold for longer
};

} // namespace troupe::testing
