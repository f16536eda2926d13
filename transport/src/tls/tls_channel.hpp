#pragma once

#include "net/socket_kinds.hpp"

#include <troupe/actors/time_histogram.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace troupe::transport {

/// A TLS connection from its upgrade on, to read from (`tls_writer` writes): OpenSSL on the socket
/// itself. Asio's engine, which has shaken hands and read the request, holds 68 KiB for as long as
/// it is there; a channel that waits holds OpenSSL's state only.
///
/// One read at a time, and none waits; a peer that ends, in whatever way, is `error::eof`, again
/// with each further read. Bound: a read asks the socket once, for 17 KiB, however many records
/// without data (key updates, refused renegotiations) lie there: a peer that sends nothing else
/// gets no more of the loop than others. Cost: one `recv` for all records that have come, and a
/// wait by `epoll`. Thread: the loop's.
class tls_channel {
public:
  using executor_type = plain_socket::executor_type;

  /// Takes the connection over; appends what `stream` had read ahead (17 KiB at most) to `early`.
  /// Precondition: nothing is under way on `stream`, which serves for nothing then. The output is a
  /// `tls_writer`'s to take. `received` counts what the socket gives from now on.
  tls_channel(tls_socket& stream, std::string& early, actors::loop_counter& received);

  [[nodiscard]] SSL* native_handle() const noexcept { return ssl_.get(); }
  [[nodiscard]] plain_socket& socket() noexcept { return socket_; }

  /// What can be read now; 0 without an error: nothing yet. `operation_aborted` once the socket is
  /// closed.
  std::size_t read_some(boost::asio::mutable_buffer into, boost::system::error_code& ec);

  /// Calls `handler(error_code, std::size_t)` once something was read into the first of the
  /// buffers, never from in here.
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& into, Handler handler) {
    if (!ended_ && SSL_has_pending(native_handle()) == 0)
      return read_when_ready(into, std::move(handler));
    boost::system::error_code ec;
    auto n = read_some(first_of(into), ec);
    if (n == 0 && !ec)
      return read_when_ready(into, std::move(handler)); // half a record
    boost::asio::post(socket_.get_executor(),
                      [h = std::move(handler), ec, n]() mutable { h(ec, n); });
  }

  /// Tells the peer that nothing more will come.
  void close_output();

private:
  struct ssl_free {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
  };

  template <class Buffers, class Handler>
  void read_when_ready(const Buffers& into, Handler handler) {
    socket_.async_wait(plain_socket::wait_read,
                       [this, into, h = std::move(handler)](boost::system::error_code ec) mutable {
                         auto n = ec ? 0 : read_some(first_of(into), ec);
                         if (n == 0 && !ec)
                           read_when_ready(into, std::move(h));
                         else
                           h(ec, n);
                       });
  }

  /// What OpenSSL reads from.
  struct input {
    int fd;
    bool has_asked; ///< in the read under way
    actors::loop_counter* received;
  };
  static int on_read(BIO* bio, char* into, int size);
  static long on_control(BIO* bio, int command, long number, void* pointer);

  std::unique_ptr<input> input_;
  std::unique_ptr<SSL, ssl_free> ssl_;
  plain_socket socket_;
  bool ended_ = false;
};

[[nodiscard]] inline plain_socket& lowest_layer(tls_channel& c) noexcept { return c.socket(); }

} // namespace troupe::transport
