#pragma once

#include <troupe/actors/node.hpp>
#include <troupe/transport/outbox.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
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
/// the same credits, what it is sent goes through the same outbox as a real session's. The test
/// decides how many bytes its "socket" takes. Thread: the loop's.
class memory_session final : public actors::sink {
public:
  /// Throws `std::invalid_argument` for a loop that is not the node's, or bounds that cannot be.
  memory_session(actors::node& node, actors::event_loop& loop, actors::connection_info info,
                 transport::outbox::bounds bounds = {});
  ~memory_session() override;

  // -- the client's side --------------------------------------------------------------------------

  /// Sends a message; it waits here while the server does not read.
  void say(std::string message, bool binary = false);

  /// Lets the socket take at most `bytes` more; nothing: any number.
  void set_window(std::optional<std::size_t> bytes);

  /// The socket ends without a word.
  void disconnect();

  /// Whole frames received since the last call.
  [[nodiscard]] std::vector<received_frame> take_frames();

  /// Whether the connection has ended, for whatever reason.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// What the server does not yet read.
  [[nodiscard]] std::size_t unread() const noexcept { return unread_.size(); }

  /// Messages whose credit has not come back.
  [[nodiscard]] std::int64_t held_messages() const { return port_.held_messages(); }

  // -- sink ---------------------------------------------------------------------------------------
  void write(const protocol::shared_bytes& batch, std::span<const actors::byte_range> parts,
             std::uint32_t frames) override;
  void write_all(std::span<const actors::output_piece> pieces) override;
  void append(const protocol::shared_bytes& bytes, actors::byte_range part, std::uint32_t frames,
              actors::output_kind kind) override;
  void flush() override;
  void ping(std::string_view payload) override;
  void close(protocol::errc why, std::string_view reason) override;
  void close_with(std::uint16_t code, std::string_view reason) override;
  void cut(protocol::errc why) override;
  void terminate(protocol::errc why) override;
  void resume_reading() override;
  [[nodiscard]] std::size_t queued_bytes() const override { return outbox_.queued_bytes(); }
  [[nodiscard]] actors::steady_time last_inbound() const override {
    return paused_ ? loop_.now() : heard_;
  }
  [[nodiscard]] std::optional<actors::steady_time> oldest_queued() const override {
    return outbox_.oldest_data();
  }

private:
  struct unread_message {
    std::string bytes;
    bool binary;
  };

  struct ender;

  template <class F>
  void contained(F&& f) noexcept;
  void fail() noexcept;
  void end_soon() noexcept;
  ssize_t take(const iovec* parts, int count) noexcept;
  void read();
  void check_bound();

  actors::event_loop& loop_;
  transport::outbox outbox_;
  std::optional<std::size_t> window_;
  std::string received_;
  std::uint64_t taken_ = 0; ///< bytes of `received_` that were handed out
  std::optional<std::uint64_t> cut_at_;
  std::deque<unread_message> unread_;
  actors::steady_time heard_;
  bool ended_ = false;
  bool paused_ = false;
  bool broken_ = false; ///< it takes nothing any more
  std::shared_ptr<ender> ender_;
  actors::connection_port port_; ///< last: opening it may write
};

} // namespace troupe::testing
