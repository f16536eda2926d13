#include "tls/tls_context.hpp"

#include "tls/hello_guard.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::transport {

namespace ssl = boost::asio::ssl;

namespace {

/// ECDHE with an AEAD cipher, the cheapest first; CCM, which few speak and is slow, is left out.
/// Source: RFC 9325, 4.2; Mozilla, "Server Side TLS", intermediate configuration.
constexpr auto* tls12_ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr auto* tls13_ciphers =
  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/// Without P-521, X448 and finite fields, which a client could choose to make the server compute:
/// they cost up to a hundred times as much.
constexpr auto* curves = "X25519:P-256:P-384";

/// Clients without fast AES get ChaCha20, which they then name first.
constexpr auto options = SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
                       | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;

/// The configuration of the system's OpenSSL neither widens nor narrows this.
void set_policy(SSL_CTX& context) {
  SSL_CTX_set_options(&context, options);
  auto done = SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1
           && SSL_CTX_set_max_proto_version(&context, TLS1_3_VERSION) == 1
           && SSL_CTX_set_cipher_list(&context, tls12_ciphers) == 1
           && SSL_CTX_set_ciphersuites(&context, tls13_ciphers) == 1
           && SSL_CTX_set1_groups_list(&context, curves) == 1;
  if (!done)
    throw std::runtime_error{"OpenSSL lacks a cipher or a curve that TLS needs"};
}

void set_resumption(SSL_CTX& context, const std::shared_ptr<ticket_keys>& tickets,
                    const actors::loop_clock& clock) {
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF); // tickets need none
  SSL_CTX_set_timeout(&context, std::chrono::seconds{ticket_keys::lifetime}.count());
  SSL_CTX_set_num_tickets(&context, 1);    // each use brings another
  SSL_CTX_set_max_early_data(&context, 0); // it could be replayed
  ticket_keys::install(context, tickets, clock);
}

} // namespace

tls_context::tls_context(std::string certificates, std::string key, const actors::loop_clock& clock)
  : certificates_(std::move(certificates)),
    key_(std::move(key)),
    clock_(clock),
    tickets_(std::make_shared<ticket_keys>(clock.now())) {
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
  set_policy(*context->native_handle());
  set_resumption(*context->native_handle(), tickets_, clock_);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  who.serve_from(*context->native_handle());
  return context;
}

} // namespace troupe::transport
