#include "auth/jwt_key.hpp"

#include "auth/jwt_header.hpp"
#include "tls/openssl_errors.hpp"

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace troupe::transport {

namespace {

constexpr int min_rsa_bits = 2048;
constexpr std::string_view pem_begin = "-----BEGIN ";

struct free_bio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

int no_passphrase(char*, int, int, void*) { return -1; }

} // namespace

const EVP_MD* hash_of(jwt_algorithm algorithm) noexcept {
  switch (algorithm) {
    case jwt_algorithm::hs384: return EVP_sha384();
    case jwt_algorithm::hs512: return EVP_sha512();
    default: return EVP_sha256();
  }
}

std::size_t hash_bytes(jwt_algorithm algorithm) noexcept {
  return static_cast<std::size_t>(EVP_MD_get_size(hash_of(algorithm)));
}

bool looks_like_public_key(std::string_view text) noexcept {
  const auto start = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text.find(pem_begin) != std::string_view::npos
      || text.find("---- BEGIN ") != std::string_view::npos || start.starts_with("ssh-")
      || start.starts_with("ecdsa-sha2-")
      || (start.starts_with('{') && start.find("\"kty\"") != std::string_view::npos);
}

public_key_ptr read_public_key(const std::string& pem) noexcept {
  const openssl_error_guard guard;
  if (pem.find(pem_begin) == std::string::npos || pem.find(pem_begin) != pem.rfind(pem_begin))
    return nullptr;
  const std::unique_ptr<BIO, free_bio> bio{
    BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  return public_key_ptr{bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr)
                            : nullptr};
}

std::optional<jwt_algorithm> algorithm_of(const EVP_PKEY& key) noexcept {
  const auto type = EVP_PKEY_get_base_id(&key);
  if (type == EVP_PKEY_RSA && EVP_PKEY_get_bits(&key) >= min_rsa_bits)
    return jwt_algorithm::rs256;
  std::array<char, 32> curve{};
  const openssl_error_guard guard;
  if (type == EVP_PKEY_EC && EVP_PKEY_get_group_name(&key, curve.data(), curve.size(), nullptr) == 1
      && std::string_view{curve.data()} == "prime256v1")
    return jwt_algorithm::es256;
  return std::nullopt;
}

std::string name_of(const jwt_key& key) {
  if (!key.origin.empty())
    return key.origin;
  return key.kid.empty() ? "the key of tokens without kid" : "the key " + key.kid;
}

void check_kid(const jwt_key& key) {
  if (!key.kid.empty() && !is_kid(key.kid))
    throw std::runtime_error{
      name_of(key) + ": expected a kid of 1 to 128 printable ASCII characters without space"};
}

verification_key::verification_key(const jwt_key& key, jwt_profile profile)
  : algorithm_(key.algorithm) {
  if (is_hmac(algorithm_))
    take_secret(key, profile);
  else
    take_public_key(key);
}

verification_key::~verification_key() { OPENSSL_cleanse(secret_.data(), secret_.size()); }

void verification_key::take_secret(const jwt_key& key, jwt_profile profile) {
  const auto expected = hash_bytes(algorithm_);
  const auto wanted =
    std::to_string(expected) + " bytes or more for " + std::string{to_string(algorithm_)};
  if (looks_like_public_key(key.material))
    throw std::runtime_error{name_of(key)
                             + ": expected a secret, not the text of a key that others may know"};
  if (key.material.empty() && profile == jwt_profile::lenient)
    throw std::runtime_error{name_of(key)
                             + ": expected a secret of 1 byte or more, and it is empty"};
  if (key.material.empty() || (profile == jwt_profile::strict && key.material.size() < expected))
    throw std::runtime_error{name_of(key) + ": expected a secret of " + wanted};
  if (key.material.size() < expected)
    warning_ = name_of(key) + ": a secret this short can be guessed; take " + wanted + ".";
  secret_ = key.material;
}

void verification_key::take_public_key(const jwt_key& key) {
  public_key_ = read_public_key(key.material);
  if (!public_key_ || algorithm_of(*public_key_) != algorithm_)
    throw std::runtime_error{name_of(key) + ": expected one public key in PEM, "
                             + (algorithm_ == jwt_algorithm::rs256 ? "RSA of 2048 bits or more"
                                                                   : "EC on the curve P-256")};
}

} // namespace troupe::transport
