#pragma once

#include "net/memory_pipe.hpp"
#include "net/polled_socket.hpp"
#include "net/socket_writer.hpp"
#include "net/traffic.hpp"
#include "tls/tls_reader.hpp"
#include "tls/tls_writer.hpp"

#include <troupe/actors/outbox.hpp>
#include <troupe/actors/sink.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Carries bytes to one peer and back, from the upgrade on: over a socket, with TLS or without, or
/// over a pipe in memory, for tests. It counts what passes on the wire. No call waits: the channel
/// tells its owner when there is input, or room for output.
///
/// The kind is one byte beside what a send needs, and each send checks it: a send without TLS is
/// inlined and costs a system call and one comparison. Thread: the loop's.
class channel final {
public:
  enum class kind : std::uint8_t { plain, tls, memory };

  /// `early`: what was read already.
  channel(polled_socket&& socket, std::string_view early, loop_traffic::bytes& counted);
  /// Takes a TLS connection over from Asio; appends what Asio had read ahead (17 KiB at most) to
  /// `early`. Precondition: nothing is under way on `stream`, which cannot be used any more.
  /// Errors: `std::bad_alloc`, `std::system_error`.
  channel(tls_socket& stream, std::string& early, loop_traffic::bytes& counted);
  /// `pipe` outlives it.
  channel(memory_pipe& pipe, actors::event_loop& loop, loop_traffic::bytes& counted) noexcept;
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Tells `o`, which holds the channel, from now on. Throws `std::system_error`.
  void set_owner(polled_socket::owner& o);
  [[nodiscard]] actors::event_loop& loop() const noexcept { return socket_.loop(); }

  // -- input --------------------------------------------------------------------------------------

  /// Whether a read may find something. If not, nothing was there after the last one.
  [[nodiscard]] bool may_have_input() const noexcept {
    return socket_.may_have_input() || (kind_ != kind::plain && others_may_have_input());
  }
  /// Tells the owner of the next input. Precondition: `!may_have_input()`.
  void await_input() noexcept { pipe_ ? pipe_->await_input() : socket_.await_input(); }
  /// Tells the owner once more has come, or the end.
  void await_change() noexcept { pipe_ ? pipe_->await_input() : socket_.await_change(); }
  /// Whether the peer has ended the input, or all, though input may be left to read.
  [[nodiscard]] bool has_ended() const noexcept {
    return pipe_ ? pipe_->has_ended() : socket_.has_ended();
  }
  /// Reads what is there, without waiting. `would_block`: nothing; `eof`: the end.
  std::size_t read_some(boost::asio::mutable_buffer into, boost::system::error_code& ec);
  /// Bytes that have come on the wire to all channels that are counted together.
  [[nodiscard]] std::uint64_t received_bytes() const noexcept { return received_->value(); }
  /// Reads what is there, as it is on the wire, and throws it away: at most 16 KiB. Returns how
  /// much it was, and tells `o` when to call it again, so that others have their turn; nothing once
  /// the peer has ended. Nothing else may be read from then on. Precondition: `o` is the owner.
  /// Throws `std::bad_alloc`.
  std::optional<std::size_t> throw_input_away(polled_socket::owner& o);

  // -- output -------------------------------------------------------------------------------------

  /// Sends what is taken at once; see `actors::outbox` for the answer. (Inlined by force: see
  /// `socket_writer`.)
  [[gnu::always_inline]] ssize_t operator()(const iovec* parts, int count) {
    return kind_ == kind::plain ? plain_(parts, count) : send_otherwise(parts, count);
  }
  /// Bytes that TLS has taken and the socket has not.
  [[nodiscard]] std::size_t unsent_bytes() const noexcept {
    return kind_ == kind::tls ? tls_->out.unsent_bytes() : 0;
  }
  /// Sends those bytes.
  actors::outbox::status flush();
  /// What a send reads outside of the channel; null: nothing.
  [[nodiscard]] const actors::sink_state* state() const noexcept {
    return tls_ ? &tls_->out : nullptr;
  }
  /// Bytes that have left, and that the peer's machine has not acknowledged. Cost: a system call.
  [[nodiscard]] std::size_t undelivered_bytes() const noexcept {
    return pipe_ ? pipe_->undelivered_bytes() : socket_.undelivered_bytes();
  }
  /// Tells the owner once there is room; soon if there is some now. Throws `std::system_error`.
  void await_room() { pipe_ ? pipe_->await_room() : socket_.await_room(); }

  // -- the end ------------------------------------------------------------------------------------

  /// Tells the peer that nothing more will come.
  void shut_output() noexcept;
  /// The same for an output that is broken: TLS says nothing more.
  void shut_broken_output() noexcept;
  /// As `shut_output`, and shuts the input as well.
  void shut_both() noexcept;
  void close() noexcept;

private:
  struct tls_layer {
    tls_reader in;
    tls_writer out;
  };

  [[nodiscard]] bool others_may_have_input() const noexcept;
  ssize_t send_otherwise(const iovec* parts, int count);
  std::size_t read_raw(boost::asio::mutable_buffer into, boost::system::error_code& ec) noexcept;
  void shut(boost::asio::socket_base::shutdown_type what) noexcept;

  socket_writer plain_;
  kind kind_;
  std::unique_ptr<tls_layer> tls_; ///< null without
  memory_pipe* pipe_ = nullptr;    ///< null with a socket
  actors::loop_counter* received_;
  polled_socket socket_;
};

} // namespace troupe::transport
