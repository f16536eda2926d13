#pragma once

#include "net/polled_socket.hpp"
#include "net/traffic.hpp"
#include "tls/channel.hpp"
#include "tls/tls_context.hpp"
#include "tls/tls_socket.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace troupe::transport {

/// A socket as long as it speaks HTTP, with TLS or without: a stream for Beast. `become_channel`
/// hands the socket over.
///
/// Beast decides when it reads and writes, so this is no `channel`, which decides itself. TLS uses
/// Asio's engine meanwhile, which holds 68 KiB. Thread: the loop's.
class http_stream { // not final: Asio derives from what it is shown
public:
  using executor_type = polled_socket::executor_type;
  using lowest_layer_type = polled_socket;

  /// `tls` is null for a socket without. Throws `std::bad_alloc`, or `boost::system::system_error`
  /// where memory runs out.
  http_stream(polled_socket&& socket, const tls_context* tls, loop_traffic::bytes& counted);
  http_stream(const http_stream&) = delete;
  http_stream& operator=(const http_stream&) = delete;

  [[nodiscard]] bool is_tls() const noexcept { return std::holds_alternative<tls_socket>(stream_); }
  [[nodiscard]] polled_socket& socket() noexcept {
    auto* with_tls = std::get_if<tls_socket>(&stream_);
    return with_tls ? with_tls->next_layer() : *std::get_if<polled_socket>(&stream_);
  }
  /// What Beast asks for by this name.
  [[nodiscard]] executor_type get_executor() noexcept { return socket().get_executor(); }

  /// Calls `handler(error_code)`. Precondition: `is_tls()`.
  template <class Handler>
  void async_handshake(Handler handler) {
    std::get<tls_socket>(stream_).async_handshake(boost::asio::ssl::stream_base::server,
                                                  std::move(handler));
  }

  /// Tells the peer that nothing more will come, while a read may wait. Calls `handler(error_code)`
  /// once the peer has said the same, or has gone. Precondition: `is_tls()`.
  template <class Handler>
  void async_shutdown(Handler handler) {
    std::get<tls_socket>(stream_).async_shutdown(std::move(handler));
  }

  /// Calls `handler(error_code, std::size_t)`, as Asio's streams do.
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& into, Handler handler) {
    std::visit([&](auto& s) { s.async_read_some(into, std::move(handler)); }, stream_);
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& from, Handler handler) {
    std::visit([&](auto& s) { s.async_write_some(from, std::move(handler)); }, stream_);
  }

  /// Adds to the traffic: without TLS the bytes that Beast reports, which are those that its parser
  /// has consumed (`received`; what lies behind them in the buffer is not counted yet) and those
  /// that it has written (`sent`). With TLS the arguments do not matter: counts the bytes on the
  /// wire that OpenSSL has read and written since the last call.
  void count(std::size_t received, std::size_t sent) noexcept;

  /// Hands the socket over; appends what TLS has read ahead (17 KiB at most) to `early`, which
  /// holds what was read and not parsed. The channel counts what `early` holds without TLS, and
  /// what it reads itself, in `counted`. Precondition: nothing is under way. From then on
  /// `socket()` is not open, and nothing can be read or written here. Errors: `std::bad_alloc`,
  /// `std::system_error`.
  [[nodiscard]] channel become_channel(std::string& early, loop_traffic::bytes& counted);

private:
  std::variant<polled_socket, tls_socket> stream_;
  loop_traffic::bytes& counted_;
  std::uint64_t received_ = 0; ///< by OpenSSL, and counted
  std::uint64_t sent_ = 0;
};

} // namespace troupe::transport
