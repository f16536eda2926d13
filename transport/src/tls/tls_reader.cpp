#include <utility>

#include "tls/tls_reader.hpp"

#include "tls/bio_method.hpp"

#include <boost/asio/error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <limits>

namespace troupe::transport {

namespace error = boost::asio::error;
using boost::system::error_code;

int tls_reader::on_read(BIO* bio, char* into, int size) {
  auto& in = *static_cast<input*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  error_code ec = error::would_block;
  std::size_t n = 0;
  if (!std::exchange(in.has_asked, true))
    n = in.socket->read_some(boost::asio::buffer(into, static_cast<std::size_t>(size)), ec);
  in.received->add(n);
  if (ec == error::would_block)
    BIO_set_retry_read(bio);
  return ec && ec != error::eof ? -1 : static_cast<int>(n);
}

/// It never reports the end of the input: OpenSSL would answer that with an alert.
long tls_reader::on_control(BIO*, int, long, void*) { return 0; }

tls_reader::tls_reader(tls_socket& stream, std::string& early, actors::loop_counter& received)
  : input_(new input{nullptr, false, &received}), ssl_(stream.native_handle()) {
  SSL_up_ref(native_handle()); // the stream frees its own
  // The engine reads from the socket only when OpenSSL has consumed all that it had, so nothing
  // else is lost with the engine.
  std::array<char, 4096> some;
  error_code ignored; // the next read meets it again
  auto* engine = SSL_get_rbio(native_handle());
  auto before = BIO_number_read(engine);
  while (auto n = read_engine(boost::asio::buffer(some), ignored))
    early.append(some.data(), n);
  received.add(BIO_number_read(engine) - before);
  if (BIO_ctrl_wpending(SSL_get_wbio(native_handle())) > 0)
    // OpenSSL's answer went to the engine and is lost: this client asks for new keys before it has
    // said anything
    has_more_ = has_ended_ = true;
  static const auto* method = make_bio_method("troupe input", on_read, nullptr, on_control);
  SSL_set0_rbio(native_handle(), make_bio(method, input_.get()));
  SSL_set_read_ahead(native_handle(), 1);
}

std::size_t tls_reader::read_some(boost::asio::mutable_buffer into, error_code& ec) {
  if (!input_->socket->is_open()) {
    ec = error::operation_aborted;
    return 0;
  }
  input_->has_asked = false;
  return read_engine(into, ec);
}

std::size_t tls_reader::read_engine(boost::asio::mutable_buffer into, error_code& ec) {
  constexpr std::size_t most = std::numeric_limits<int>::max();
  ec = {};
  if (!has_ended_) {
    ERR_clear_error();
    auto n = SSL_read(native_handle(), into.data(), static_cast<int>(std::min(into.size(), most)));
    auto why = SSL_get_error(native_handle(), n);
    ERR_clear_error();
    has_more_ = n > 0 && SSL_has_pending(native_handle()) == 1;
    if (n > 0)
      return static_cast<std::size_t>(n);
    has_more_ = has_ended_ = why != SSL_ERROR_WANT_READ;
  }
  ec = has_ended_ ? error_code{error::eof} : error_code{error::would_block};
  return 0;
}

void tls_reader::close_output() {
  SSL_shutdown(native_handle()); // one that fails has ended
  ERR_clear_error();
}

} // namespace troupe::transport
