#include "auth/jwt_key.hpp"
#include "tls/openssl_errors.hpp"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace troupe::transport {

namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool is_hmac_of(jwt_algorithm algorithm, std::string_view secret, std::string_view text,
                std::string_view signature) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> expected;
  unsigned size = 0;
  const auto* done = HMAC(hash_of(algorithm), secret.data(), static_cast<int>(secret.size()),
                          bytes_of(text), text.size(), expected.data(), &size);
  return done && signature.size() == size
      && CRYPTO_memcmp(expected.data(), signature.data(), size) == 0;
}

/// `signature` as OpenSSL takes it. RSA: PKCS #1; EC: a DER sequence.
bool is_signature_of(EVP_PKEY* key, std::string_view text, std::string_view signature) {
  struct free_context {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, free_context> context{EVP_MD_CTX_new()};
  return context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1
      && EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                          text.size())
           == 1;
}

/// Converts r and s, which a token has as 32 bytes each (RFC 7518, 3.4), to OpenSSL's DER; empty if
/// they cannot be a signature.
std::string der_signature(std::string_view signature) {
  constexpr std::size_t number_bytes = 32;
  struct free_signature {
    void operator()(ECDSA_SIG* each) const noexcept { ECDSA_SIG_free(each); }
  };
  if (signature.size() != 2 * number_bytes)
    return {};
  const std::unique_ptr<ECDSA_SIG, free_signature> numbers{ECDSA_SIG_new()};
  BIGNUM* r = BN_bin2bn(bytes_of(signature), number_bytes, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(signature) + number_bytes, number_bytes, nullptr);
  if (!numbers || !r || !s || ECDSA_SIG_set0(numbers.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  std::array<unsigned char, 80> der; // two integers of up to 33 bytes, and their headers
  auto* at = der.data();
  const auto size = i2d_ECDSA_SIG(numbers.get(), nullptr) <= static_cast<int>(der.size())
                    ? i2d_ECDSA_SIG(numbers.get(), &at)
                    : 0;
  return {reinterpret_cast<const char*>(der.data()), static_cast<std::size_t>(size > 0 ? size : 0)};
}

} // namespace

bool verification_key::verifies(std::string_view text, std::string_view signature) const {
  const openssl_error_guard guard;
  switch (algorithm_) {
    case jwt_algorithm::hs256:
    case jwt_algorithm::hs384:
    case jwt_algorithm::hs512: return is_hmac_of(algorithm_, secret_, text, signature);
    case jwt_algorithm::rs256: return is_signature_of(public_key_.get(), text, signature);
    case jwt_algorithm::es256: {
      const auto der = der_signature(signature);
      return !der.empty() && is_signature_of(public_key_.get(), text, der);
    }
  }
  return false;
}

} // namespace troupe::transport
