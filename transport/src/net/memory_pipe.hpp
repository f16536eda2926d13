#pragma once

#include "net/polled_socket.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <sys/uio.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::transport {

/// A connection without a socket, in memory: its owner is the peer of a channel. Thread: the
/// loop's.
class memory_pipe {
public:
  using owner = polled_socket::owner;

  // -- the peer's side ----------------------------------------------------------------------------

  /// Sends `bytes`, which wait here until they are read.
  void say(std::string_view bytes);
  /// Sends nothing more.
  void end_input();
  /// Sends nothing more once the other side has shut its output.
  void end_input_with_output();
  /// Ends both directions at once: nothing more is taken. What waits here can still be read, as
  /// Linux keeps it behind a reset.
  void reset();
  /// Takes at most `bytes` more; nothing: any number, as at first.
  void set_window(std::optional<std::size_t> bytes);
  /// Has taken all but `bytes` of what a kernel between the two would still hold.
  void set_undelivered(std::size_t bytes) noexcept { undelivered_ = bytes; }
  /// Bytes that were sent and are not read yet.
  [[nodiscard]] std::size_t unread_bytes() const noexcept { return said_.size(); }
  /// What was taken, in order; the peer may shorten it.
  [[nodiscard]] std::string& received() noexcept { return received_; }
  /// Whether the other side has shut its output, or closed.
  [[nodiscard]] bool is_output_shut() const noexcept { return is_output_shut_; }
  [[nodiscard]] bool is_open() const noexcept { return is_open_; }

  // -- the channel's side: see `polled_socket` ----------------------------------------------------

  /// Tells `o`, which outlives it, from now on.
  void set_owner(owner& o) noexcept { owner_ = &o; }
  [[nodiscard]] bool may_have_input() const noexcept { return is_input_ended_ || !said_.empty(); }
  void await_input() noexcept { waits_for_input_ = true; }
  [[nodiscard]] bool has_ended() const noexcept { return is_input_ended_; }
  std::size_t read_some(boost::asio::mutable_buffer into, boost::system::error_code& ec) noexcept;
  /// Takes bytes as far as there is room; see `actors::outbox` for the result.
  ssize_t take(const iovec* parts, int count) noexcept;
  [[nodiscard]] std::size_t undelivered_bytes() const noexcept { return undelivered_; }
  /// Precondition: it has taken less than it was given.
  void await_room() noexcept { waits_for_room_ = true; }
  void shut_output() noexcept;
  void close() noexcept;

private:
  [[nodiscard]] bool has_room() const noexcept { return !window_ || *window_ > 0; }
  void tell_input();

  owner* owner_ = nullptr;
  std::string said_; ///< sent and not read
  std::string received_;
  std::optional<std::size_t> window_;
  std::size_t undelivered_ = 0;
  bool is_input_ended_ = false;
  bool is_reset_ = false;
  bool is_output_shut_ = false;
  bool ends_with_output_ = false;
  bool is_open_ = true;
  bool waits_for_input_ = false;
  bool waits_for_room_ = false;
};

} // namespace troupe::transport
