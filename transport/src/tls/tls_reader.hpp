#pragma once

#include "net/polled_socket.hpp"
#include "tls/tls_socket.hpp"

#include <troupe/actors/time_histogram.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>

namespace troupe::transport {

/// Reads from a TLS connection from its upgrade on (`tls_writer` writes): OpenSSL reads from the
/// socket itself. Asio's engine, which did the handshake and read the request, holds 68 KiB as long
/// as it lives; a reader that waits holds OpenSSL's state only.
///
/// No read waits. Once the peer has ended, in whatever way, each read gives `error::eof`. Bound: a
/// read asks the socket once, for 17 KiB, however many records without data (key updates, refused
/// renegotiations) are there: a peer that sends nothing else gets no more of the loop than others.
/// Cost: one `recv` for all records that have come. Thread: the loop's.
class tls_reader {
public:
  /// Takes the connection over; appends what `stream` had read ahead (17 KiB at most) to `early`.
  /// Precondition: nothing is under way on `stream`, which cannot be used any more. A `tls_writer`
  /// takes the output over. `received` counts what the socket gives from now on.
  tls_reader(tls_socket& stream, std::string& early, actors::loop_counter& received);

  /// Reads from `socket` from now on, which outlives it or is replaced.
  void read_from(polled_socket& socket) noexcept { input_->socket = &socket; }

  [[nodiscard]] SSL* native_handle() const noexcept { return ssl_.get(); }

  /// Whether a read may find something, whatever the socket has.
  [[nodiscard]] bool has_more() const noexcept { return has_more_; }

  /// Gives up what OpenSSL has read ahead.
  void drop_read_ahead() noexcept { has_more_ = false; }

  /// Reads what is there, without waiting. `would_block`: nothing yet. `operation_aborted` once the
  /// socket is closed.
  std::size_t read_some(boost::asio::mutable_buffer into, boost::system::error_code& ec);

  /// Tells the peer that nothing more will come.
  void close_output();

private:
  struct ssl_free {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
  };

  /// What OpenSSL reads from.
  struct input {
    polled_socket* socket;
    bool has_asked; ///< in the read under way
    actors::loop_counter* received;
  };
  static int on_read(BIO* bio, char* into, int size);
  static long on_control(BIO* bio, int command, long number, void* pointer);
  std::size_t read_engine(boost::asio::mutable_buffer into, boost::system::error_code& ec);

  std::unique_ptr<input> input_;
  std::unique_ptr<SSL, ssl_free> ssl_;
  bool has_more_ = false; ///< OpenSSL has read it already; or it is the end
  bool has_ended_ = false;
};

} // namespace troupe::transport
