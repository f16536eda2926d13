#pragma once

#include <troupe/transport/jwt.hpp>

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

struct free_public_key {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using public_key_ptr = std::unique_ptr<EVP_PKEY, free_public_key>;

/// A key that was found fit for its algorithm. Thread: any; immutable.
class verification_key {
public:
  /// Errors: `std::runtime_error` that names the key and what was expected.
  verification_key(const jwt_key& key, jwt_profile profile);
  ~verification_key();
  verification_key(const verification_key&) = delete;
  verification_key& operator=(const verification_key&) = delete;

  [[nodiscard]] jwt_algorithm algorithm() const noexcept { return algorithm_; }

  /// Whether `signature` (decoded; ES256: r and s) is this key's for `text`. Secrets are compared
  /// in constant time; OpenSSL's error queue, which TLS on the same thread reads, is left as it
  /// was.
  [[nodiscard]] bool verifies(std::string_view text, std::string_view signature) const;

  /// What the operator should know of the key; empty: nothing.
  [[nodiscard]] const std::string& warning() const noexcept { return warning_; }

private:
  void take_secret(const jwt_key& key, jwt_profile profile);
  void take_public_key(const jwt_key& key);

  jwt_algorithm algorithm_;
  std::string secret_;        ///< HS*
  public_key_ptr public_key_; ///< the others
  std::string warning_;
};

[[nodiscard]] constexpr bool is_hmac(jwt_algorithm algorithm) noexcept {
  return algorithm == jwt_algorithm::hs256 || algorithm == jwt_algorithm::hs384
      || algorithm == jwt_algorithm::hs512;
}

/// The hash of HMAC algorithms, and its size.
[[nodiscard]] const EVP_MD* hash_of(jwt_algorithm algorithm) noexcept;
[[nodiscard]] std::size_t hash_bytes(jwt_algorithm algorithm) noexcept;

/// Whether the text looks like something public, and so cannot be a secret: any PEM block, an SSH
/// public key, a JSON web key.
[[nodiscard]] bool looks_like_public_key(std::string_view text) noexcept;

/// Reads the one public key of a PEM text; null unless there is exactly one block. Asks for no
/// passphrase.
[[nodiscard]] public_key_ptr read_public_key(const std::string& pem) noexcept;

/// The algorithm that a public key is good for: RSA of 2048 bits or more, EC on P-256.
[[nodiscard]] std::optional<jwt_algorithm> algorithm_of(const EVP_PKEY& key) noexcept;

/// Errors: `std::runtime_error` that names the key, if its `kid` is neither empty nor one that a
/// token can name.
void check_kid(const jwt_key& key);

/// How a key is named in messages.
[[nodiscard]] std::string name_of(const jwt_key& key);

} // namespace troupe::transport
