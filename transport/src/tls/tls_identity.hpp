#pragma once

#include <troupe/actors/clock.hpp>

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace troupe::transport {

/// A server's certificate or key file that cannot be used, and what was expected.
class tls_file_error : public std::runtime_error {
public:
  tls_file_error(bool is_key, std::string file, std::string expected)
    : std::runtime_error(file + ": expected " + expected),
      is_key_(is_key),
      file_(std::move(file)),
      expected_(std::move(expected)) {}

  [[nodiscard]] bool is_key() const noexcept { return is_key_; } ///< else the certificates
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] const std::string& expected() const noexcept { return expected_; }

private:
  bool is_key_;
  std::string file_;
  std::string expected_;
};

struct free_identity_part {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using certificate_ptr = std::unique_ptr<X509, free_identity_part>;
using private_key_ptr = std::unique_ptr<EVP_PKEY, free_identity_part>;

/// What a server proves its name with.
class tls_identity {
public:
  static constexpr std::size_t max_file_bytes = 1024 * 1024; ///< of each of the two files

  /// Reads the server's certificate, those that certify it behind it, and its private key, all in
  /// PEM; one file may hold both.
  ///
  /// Errors: `tls_file_error` if a file is no regular one or too large, holds something else, or
  /// part of it is malformed; if a certificate is not valid at `now` (a self-signed one behind the
  /// first does not matter: a client has it of its own, or does not trust it); if the key is
  /// another's, or under a password. Waits for nothing. Throws `std::bad_alloc`.
  tls_identity(const std::string& certificates, const std::string& key, actors::wall_time now);

  /// Makes `context`, which has its policy already, use it. Errors: `tls_file_error` if OpenSSL
  /// holds it for too weak, or no client could shake hands: its key is of a kind or on a curve that
  /// the policy leaves out. Throws `std::bad_alloc`.
  void serve_from(SSL_CTX& context) const;

  /// Until when all certificates are valid, but for self-signed ones behind the first.
  [[nodiscard]] actors::wall_time valid_until() const noexcept { return valid_until_; }

private:
  std::string file_; ///< of the certificates
  std::vector<certificate_ptr> chain_;
  private_key_ptr key_;
  actors::wall_time valid_until_;
};

} // namespace troupe::transport
