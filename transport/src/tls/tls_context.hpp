#pragma once

#include "tls/ticket_keys.hpp"
#include "tls/tls_identity.hpp"
#include "tls/tls_socket.hpp"

#include <troupe/actors/clock.hpp>

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace troupe::transport {

/// A server's certificate and key, which can be read again while it runs: connections made before
/// keep what they have.
///
/// TLS 1.2 with ECDHE and AEAD ciphers only, and TLS 1.3; curves that cost little; no
/// renegotiation, no compression, no early data. Session tickets, one for each handshake, are valid
/// for two hours, across all loops and reloads (`ticket_keys`); the server keeps no sessions.
/// Thread: any. A context in use is never changed (OpenSSL 2147): `reload` makes another and swaps.
class tls_context {
public:
  /// `clock` outlives it. Errors: `tls_file_error`, `std::bad_alloc`.
  tls_context(std::string certificates, std::string key,
              const actors::loop_clock& clock = actors::system_clock());

  /// As the constructor; what was there stays if it throws. Returns until when the certificates are
  /// valid.
  actors::wall_time reload();

  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> current() const;

  /// Puts TLS on a socket, with the current certificate. Throws `std::bad_alloc` or
  /// `boost::system::system_error` if memory runs out.
  [[nodiscard]] tls_socket wrap(polled_socket socket) const;

private:
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> serving(const tls_identity& who) const;

  std::string certificates_;
  std::string key_;
  const actors::loop_clock& clock_;
  std::shared_ptr<ticket_keys> tickets_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

} // namespace troupe::transport
