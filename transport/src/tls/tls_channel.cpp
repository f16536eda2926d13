#include "tls/tls_channel.hpp"

#include "tls/own_bio.hpp"

#include <boost/asio/error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace troupe::transport {

int tls_channel::on_read(BIO* bio, char* into, int size) {
  auto& in = *static_cast<input*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  auto n = ssize_t{-1};
  auto is_nothing = std::exchange(in.has_asked, true);
  if (!is_nothing) {
    n = ::recv(in.fd, into, static_cast<std::size_t>(size), MSG_DONTWAIT);
    is_nothing = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    in.received->add(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  if (is_nothing)
    BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

/// It has no end of its own, or OpenSSL would answer that by an alert.
long tls_channel::on_control(BIO*, int, long, void*) { return 0; }

tls_channel::tls_channel(tls_socket& stream, std::string& early, actors::loop_counter& received)
  : input_(new input{stream.next_layer().native_handle(), false, &received}),
    ssl_(stream.native_handle()),
    socket_(std::move(stream.next_layer())) {
  SSL_up_ref(native_handle()); // the stream frees its own
  // The engine asks the socket only when OpenSSL has taken in all it has read, so that nothing else
  // is lost with it.
  std::array<char, 4096> some;
  boost::system::error_code ignored; // the next read meets it again
  auto* engine = SSL_get_rbio(native_handle());
  auto before = BIO_number_read(engine);
  while (auto n = read_some(boost::asio::buffer(some), ignored))
    early.append(some.data(), n);
  received.add(BIO_number_read(engine) - before);
  if (BIO_ctrl_wpending(SSL_get_wbio(native_handle())) > 0)
    // what OpenSSL has answered went to the engine: such a client asks for new keys before it has
    // said anything
    ended_ = true;
  static const auto* method = make_bio_method("troupe input", on_read, nullptr, on_control);
  SSL_set0_rbio(native_handle(), make_bio(method, input_.get()));
  SSL_set_read_ahead(native_handle(), 1);
}

std::size_t tls_channel::read_some(boost::asio::mutable_buffer into,
                                   boost::system::error_code& ec) {
  constexpr std::size_t most = std::numeric_limits<int>::max();
  if (!socket_.is_open()) { // its number may be another's by now
    ec = boost::asio::error::operation_aborted;
    return 0;
  }
  if (ended_) {
    ec = boost::asio::error::eof;
    return 0;
  }
  input_->has_asked = false;
  ERR_clear_error();
  auto n = SSL_read(native_handle(), into.data(), static_cast<int>(std::min(into.size(), most)));
  if (n > 0)
    return static_cast<std::size_t>(n);
  if (SSL_get_error(native_handle(), n) != SSL_ERROR_WANT_READ) {
    ended_ = true;
    ec = boost::asio::error::eof;
  }
  ERR_clear_error();
  return 0;
}

void tls_channel::close_output() {
  SSL_shutdown(native_handle()); // one that fails has ended
  ERR_clear_error();
}

} // namespace troupe::transport
