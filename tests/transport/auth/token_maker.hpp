#pragma once

#include <troupe/transport/jwt.hpp>

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace troupe::test {

struct free_key_pair {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using key_pair = std::unique_ptr<EVP_PKEY, free_key_pair>;

[[nodiscard]] key_pair make_rsa(unsigned bits = 2048);
[[nodiscard]] key_pair make_ec(const char* curve = "P-256");
[[nodiscard]] std::string public_pem(const key_pair& key);
[[nodiscard]] std::string private_pem(const key_pair& key);

[[nodiscard]] std::string base64url(std::string_view bytes);

/// Header and payload as a token's first two parts.
[[nodiscard]] std::string unsigned_token(std::string_view header, std::string_view payload);

/// A whole token, signed with HMAC whatever its header says.
[[nodiscard]] std::string hmac_token(std::string_view secret, std::string_view header,
                                     std::string_view payload, const EVP_MD* hash = EVP_sha256());

/// A whole token, signed with SHA-256 and the key: RSA as PKCS #1, EC as r and s.
[[nodiscard]] std::string key_token(const key_pair& key, std::string_view header,
                                    std::string_view payload);

/// The time at which these tests verify tokens: 1,700,000,000 s.
inline constexpr transport::wall_time now{std::chrono::seconds{1'700'000'000}};

inline constexpr char secret[] = "0123456789abcdef0123456789abcdef";
inline constexpr char hs256_header[] = R"({"alg":"HS256","typ":"JWT"})";
inline constexpr char good_payload[] = R"({"sub":"kim","iat":1700000000,"exp":1700003600})";

/// A strict verifier of HS256 tokens signed with `secret`.
[[nodiscard]] transport::jwt_options strict_options();
/// The same verifier with the seed's profile.
[[nodiscard]] transport::jwt_options seed_options();

/// The result of verifying the token at `now`: the label of the failure, or `ok`.
[[nodiscard]] std::string outcome(const transport::jwt_options& options, std::string_view token);

} // namespace troupe::test
