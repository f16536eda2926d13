#pragma once

#include "tls/tls_socket.hpp"

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::transport {

/// A server's certificate or key file that cannot be used, and what was expected.
class tls_file_error : public std::runtime_error {
public:
  tls_file_error(bool is_key, const std::filesystem::path& file, std::string expected)
    : std::runtime_error(file.string() + ": expected " + expected),
      is_key_(is_key),
      file_(file.string()),
      expected_(std::move(expected)) {}

  [[nodiscard]] bool is_key() const noexcept { return is_key_; } ///< else the certificates
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] const std::string& expected() const noexcept { return expected_; }

private:
  bool is_key_;
  std::string file_;
  std::string expected_;
};

/// A server's certificate and key, which can be read again while it runs: connections made before
/// keep what they have.
///
/// TLS 1.2 and 1.3; no renegotiation, no compression. Thread: any. A context in use is never
/// changed (OpenSSL 2147): `reload` makes another and swaps.
class tls_context {
public:
  /// Errors: `tls_file_error`, `std::bad_alloc`.
  tls_context(std::filesystem::path certificates, std::filesystem::path key);

  /// As the constructor; what was there stays if it throws.
  void reload();

  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> current() const;

  /// Puts TLS on a socket, with the current certificate. Throws `std::bad_alloc` or
  /// `boost::system::system_error` if memory runs out.
  [[nodiscard]] tls_socket wrap(polled_socket socket) const;

private:
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> load() const;

  std::filesystem::path certificates_;
  std::filesystem::path key_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

} // namespace troupe::transport
