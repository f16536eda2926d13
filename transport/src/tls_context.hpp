#pragma once

#include "socket_kinds.hpp"

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <memory>
#include <mutex>

namespace troupe::transport {

/// A server's certificate and key, which can be read again while it runs: connections made before keep what they have.
///
/// TLS 1.2 and 1.3; no renegotiation, no compression. Thread: any. A context in use is never changed (OpenSSL 2147): `reload` makes
/// another and swaps.
class tls_context {
public:
  /// Throws `std::runtime_error` that names the file and what was expected.
  tls_context(std::filesystem::path certificates, std::filesystem::path key);

  /// As the constructor; what was there stays if it throws.
  void reload();

  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> current() const;

  /// TLS on a socket that has just connected. Throws `std::bad_alloc` or `boost::system::system_error` where memory runs out.
  [[nodiscard]] tls_socket on(plain_socket socket) const;

private:
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> load() const;

  std::filesystem::path certificates_;
  std::filesystem::path key_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

} // namespace troupe::transport
