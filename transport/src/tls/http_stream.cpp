#include <utility>

#include "tls/http_stream.hpp"

#include <openssl/ssl.h>

namespace troupe::transport {
namespace {

using either = std::variant<polled_socket, tls_socket>;

either open(polled_socket&& socket, const tls_context* tls) {
  if (tls)
    return either{tls->wrap(std::move(socket))};
  return either{std::move(socket)};
}

} // namespace

http_stream::http_stream(polled_socket&& socket, const tls_context* tls,
                         loop_traffic::bytes& counted)
  : stream_(open(std::move(socket), tls)), counted_(counted) {}

void http_stream::count(std::size_t received, std::size_t sent) noexcept {
  if (auto* with_tls = std::get_if<tls_socket>(&stream_)) {
    auto* engine = SSL_get_rbio(with_tls->native_handle());
    auto all_received = BIO_number_read(engine), all_sent = BIO_number_written(engine);
    received = all_received - std::exchange(received_, all_received);
    sent = all_sent - std::exchange(sent_, all_sent);
  }
  counted_.received.add(received);
  counted_.sent.add(sent);
}

channel http_stream::become_channel(std::string& early, loop_traffic::bytes& counted) {
  count(0, 0);
  if (auto* with_tls = std::get_if<tls_socket>(&stream_))
    return channel{*with_tls, early, counted};
  return channel{std::move(std::get<polled_socket>(stream_)), early, counted};
}

} // namespace troupe::transport
