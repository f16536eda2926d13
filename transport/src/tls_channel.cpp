#include "tls_channel.hpp"

#include <boost/asio/error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace troupe::transport {

tls_channel::tls_channel(tls_socket& stream, std::string& early)
  : ssl_(stream.native_handle()), socket_(std::move(stream.next_layer())) {
  SSL_up_ref(native_handle()); // the stream frees its own
  auto* input = BIO_new_socket(socket_.native_handle(), BIO_NOCLOSE);
  if (!input)
    throw std::bad_alloc{};
  // The engine asks the socket only when OpenSSL has taken in all it has read, so that nothing else is lost with it.
  std::array<char, 4096> some;
  boost::system::error_code ignored; // the next read meets it again
  while (auto n = read_some(boost::asio::buffer(some), ignored))
    early.append(some.data(), n);
  SSL_set0_rbio(native_handle(), input);
  SSL_set_read_ahead(native_handle(), 1);
}

std::size_t tls_channel::read_some(boost::asio::mutable_buffer into, boost::system::error_code& ec) {
  constexpr std::size_t most = std::numeric_limits<int>::max();
  ERR_clear_error();
  auto n = SSL_read(native_handle(), into.data(), static_cast<int>(std::min(into.size(), most)));
  if (n > 0)
    return static_cast<std::size_t>(n);
  if (SSL_get_error(native_handle(), n) != SSL_ERROR_WANT_READ)
    ec = boost::asio::error::eof;
  ERR_clear_error();
  return 0;
}

void tls_channel::close_output() {
  SSL_shutdown(native_handle()); // one that fails has ended
  ERR_clear_error();
}

} // namespace troupe::transport
