#include "tls/tls_context.hpp"

#include "tls/hello_guard.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <new>
#include <string>
#include <utility>

namespace troupe::transport {

namespace ssl = boost::asio::ssl;

tls_context::tls_context(std::string certificates, std::string key, const actors::loop_clock& clock)
  : certificates_(std::move(certificates)), key_(std::move(key)), clock_(clock) {
  reload();
}

actors::wall_time tls_context::reload() {
  tls_identity who{certificates_, key_, clock_.wall_now()};
  auto fresh = serving(who);
  std::lock_guard guard{mutex_};
  context_ = std::move(fresh);
  return who.valid_until();
}

std::shared_ptr<ssl::context> tls_context::current() const {
  std::lock_guard guard{mutex_};
  return context_;
}

tls_socket tls_context::wrap(polled_socket socket) const {
  // makes this thread's error queue: without one, Asio does not see that OpenSSL has made nothing
  ERR_clear_error();
  tls_socket made{std::move(socket), *current()};
  if (!SSL_get_rbio(made.native_handle())) // Asio does not check this
    throw std::bad_alloc{};
  hello_guard::install(*made.native_handle());
  return made;
}

std::shared_ptr<ssl::context> tls_context::serving(const tls_identity& who) const {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2
                       | ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1
                       | ssl::context::no_compression);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  who.serve_from(*context->native_handle());
  return context;
}

} // namespace troupe::transport
