#include "token_maker.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <stdexcept>

namespace troupe::test {

namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Returns what `write` writes into a BIO.
template <class Write>
std::string written(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string text{data, static_cast<std::size_t>(size)};
  BIO_free(bio);
  return text;
}

/// Converts a DER signature to r and s, 32 bytes each.
std::string raw_signature(std::string_view der) {
  const auto* at = bytes_of(der);
  ECDSA_SIG* numbers = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(numbers), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(numbers), out + 32, 32);
  ECDSA_SIG_free(numbers);
  return raw;
}

} // namespace

key_pair make_rsa(unsigned bits) { return key_pair{EVP_RSA_gen(bits)}; }

key_pair make_ec(const char* curve) { return key_pair{EVP_EC_gen(curve)}; }

std::string public_pem(const key_pair& key) {
  return written([&](BIO* out) { PEM_write_bio_PUBKEY(out, key.get()); });
}

std::string private_pem(const key_pair& key) {
  return written([&](BIO* out) {
    PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string base64url(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                                    static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  text.erase(std::min(text.find('='), text.size()));
  for (auto& c : text)
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::string unsigned_token(std::string_view header, std::string_view payload) {
  return base64url(header) + '.' + base64url(payload);
}

std::string hmac_token(std::string_view key, std::string_view header, std::string_view payload,
                       const EVP_MD* hash) {
  const auto text = unsigned_token(header, payload);
  std::array<unsigned char, EVP_MAX_MD_SIZE> signature;
  unsigned size = 0;
  HMAC(hash, key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       signature.data(), &size);
  return text + '.' + base64url({reinterpret_cast<const char*>(signature.data()), size});
}

std::string key_token(const key_pair& key, std::string_view header, std::string_view payload) {
  const auto text = unsigned_token(header, payload);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::string signature(1024, '\0');
  auto size = signature.size();
  const bool good = EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key.get()) == 1
                 && EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()),
                                   &size, bytes_of(text), text.size())
                      == 1;
  EVP_MD_CTX_free(context);
  if (!good)
    throw std::runtime_error{"no signature"};
  signature.resize(size);
  return text + '.'
       + base64url(EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC ? raw_signature(signature)
                                                                  : signature);
}

transport::jwt_options strict_options() {
  transport::jwt_options options;
  options.keys.push_back({{}, transport::jwt_algorithm::hs256, secret, {}});
  return options;
}

transport::jwt_options seed_options() {
  auto options = strict_options();
  options.profile = transport::jwt_profile::lenient;
  return options;
}

std::string outcome(const transport::jwt_options& options, std::string_view token) {
  const auto verdict = transport::make_jwt_verifier(options)->verify(token, now);
  return verdict ? "ok" : std::string{to_string(verdict.error())};
}

} // namespace troupe::test
