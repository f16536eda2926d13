// Signatures, and tokens of another implementation.

#include "signed_elsewhere.hpp"
#include "tls/openssl_errors.hpp"
#include "token_maker.hpp"

#include <troupe/protocol/base64.hpp>

#include <catch2/catch.hpp>

#include <openssl/bn.h>

#include <atomic>
#include <thread>

using namespace troupe;
using namespace troupe::test;
using transport::jwt_algorithm;

namespace {

constexpr char rs256_header[] = R"({"alg":"RS256"})";
constexpr char es256_header[] = R"({"alg":"ES256"})";

transport::jwt_options options_with(jwt_algorithm algorithm, std::string material,
                                    std::string kid = {}) {
  transport::jwt_options options;
  options.keys.push_back({std::move(kid), algorithm, std::move(material), {}});
  return options;
}

std::string signature_of(const std::string& token) {
  return protocol::decode_base64url(token.substr(token.rfind('.') + 1)).value();
}

std::string with_signature(const std::string& token, std::string_view signature) {
  return token.substr(0, token.rfind('.') + 1) + base64url(signature);
}

/// Checks that only the token's own signature is accepted.
void check_other_signatures(const transport::jwt_options& options, const std::string& token) {
  const auto good = signature_of(token);
  REQUIRE(outcome(options, with_signature(token, good)) == "ok");
  for (auto at : {std::size_t{0}, good.size() / 2, good.size() - 1})
    for (int bit = 0; bit < 8; ++bit) {
      auto other = good;
      other[at] = static_cast<char>(other[at] ^ 1 << bit);
      CHECK(outcome(options, with_signature(token, other)) == "signature");
    }
  for (const auto& other : {std::string{}, good.substr(1), good.substr(0, good.size() - 1),
                            good + '\0', '\0' + good, good + good, std::string(good.size(), '\0'),
                            std::string(good.size(), '\xff'), std::string(1000, 'x')})
    CHECK(outcome(options, with_signature(token, other)) == "signature");
}

} // namespace

// -- tokens of our own ----------------------------------------------------------------------------

TEST_CASE("an HMAC that differs in any byte or in length is refused") {
  check_other_signatures(strict_options(), hmac_token(secret, hs256_header, good_payload));
}

TEST_CASE("an RSA signature that differs in any byte or in length is refused") {
  const auto key = make_rsa();
  check_other_signatures(options_with(jwt_algorithm::rs256, public_pem(key)),
                         key_token(key, rs256_header, good_payload));
}

TEST_CASE("an EC signature that differs in any byte or in length is refused") {
  const auto key = make_ec();
  check_other_signatures(options_with(jwt_algorithm::es256, public_pem(key)),
                         key_token(key, es256_header, good_payload));
}

TEST_CASE("EC signatures are taken whatever the size of their numbers") {
  const auto key = make_ec();
  const auto options = options_with(jwt_algorithm::es256, public_pem(key));
  bool short_number = false;
  for (int i = 0; i < 2000 && !short_number; ++i) {
    const auto token = key_token(key, es256_header, good_payload);
    const auto signature = signature_of(token);
    short_number = signature[0] == '\0' || signature[32] == '\0';
    if (i < 20 || short_number)
      CHECK(outcome(options, token) == "ok");
  }

  CHECK(short_number);
}

TEST_CASE("an EC signature with a number out of range is refused") {
  const auto key = make_ec();
  const auto options = options_with(jwt_algorithm::es256, public_pem(key));
  const auto token = key_token(key, es256_header, good_payload);
  const auto good = signature_of(token);
  const std::string zero(32, '\0');
  const auto order =
    protocol::decode_base64url("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE").value();

  for (const auto& number : {zero, order, std::string(32, '\xff')}) {
    CHECK(outcome(options, with_signature(token, number + good.substr(32))) == "signature");
    CHECK(outcome(options, with_signature(token, good.substr(0, 32) + number)) == "signature");
    CHECK(outcome(options, with_signature(token, number + number)) == "signature");
  }
}

TEST_CASE("a DER signature is not a token's") {
  const auto key = make_ec();
  const auto token = key_token(key, es256_header, good_payload);
  const auto good = signature_of(token);
  const auto der = std::string{"\x30\x44\x02\x20", 4} + good.substr(0, 32)
                 + std::string{"\x02\x20", 2} + good.substr(32);

  CHECK(outcome(options_with(jwt_algorithm::es256, public_pem(key)), with_signature(token, der))
        == "signature");
}

TEST_CASE("a key checks nobody else's tokens") {
  const auto rsa = make_rsa();
  const auto ec = make_ec();

  CHECK(outcome(options_with(jwt_algorithm::rs256, public_pem(make_rsa())),
                key_token(rsa, rs256_header, good_payload))
        == "signature");
  CHECK(outcome(options_with(jwt_algorithm::es256, public_pem(make_ec())),
                key_token(ec, es256_header, good_payload))
        == "signature");
  CHECK(outcome(options_with(jwt_algorithm::rs256, public_pem(rsa)),
                key_token(ec, es256_header, good_payload))
        == "algorithm");
  CHECK(outcome(options_with(jwt_algorithm::rs256, public_pem(rsa)),
                key_token(ec, rs256_header, good_payload))
        == "signature");
  CHECK(outcome(options_with(jwt_algorithm::es256, public_pem(ec)),
                key_token(rsa, es256_header, good_payload))
        == "signature");
  CHECK(outcome(strict_options(), hmac_token(std::string{secret} + 'x', hs256_header, good_payload))
        == "signature");
}

TEST_CASE("parts of two good tokens make no good one") {
  const auto a = hmac_token(secret, hs256_header, good_payload);
  const auto b = hmac_token(secret, hs256_header, R"({"sub":"root","exp":1700003600})");

  CHECK(outcome(strict_options(), b.substr(0, b.rfind('.')) + a.substr(a.rfind('.')))
        == "signature");
}

TEST_CASE("a payload is not looked at before its signature is good") {
  const auto token = hmac_token("not the secret", hs256_header, "not even JSON");

  CHECK(outcome(strict_options(), token) == "signature");
}

TEST_CASE("OpenSSL's error queue is left as it was") {
  const auto ec = make_ec();
  const auto verifier =
    transport::make_jwt_verifier(options_with(jwt_algorithm::es256, public_pem(ec)));
  const auto bad =
    with_signature(key_token(ec, es256_header, good_payload), std::string(64, '\xff'));
  ERR_clear_error();
  CHECK_FALSE(verifier->verify(bad, now));
  CHECK(ERR_peek_error() == 0);

  ERR_raise(ERR_LIB_USER, 42);
  CHECK_FALSE(verifier->verify(bad, now));
  const auto broken = options_with(jwt_algorithm::es256,
                                   "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
  CHECK_THROWS(transport::make_jwt_verifier(broken));
  CHECK(ERR_GET_REASON(ERR_get_error()) == 42);
  CHECK(ERR_get_error() == 0);
}

TEST_CASE("one verifier serves many threads") {
  const auto rsa = make_rsa();
  auto options = options_with(jwt_algorithm::rs256, public_pem(rsa), "r");
  options.keys.push_back({{}, jwt_algorithm::hs256, secret, {}});
  const auto verifier = transport::make_jwt_verifier(std::move(options));
  const auto by_rsa = key_token(rsa, R"({"alg":"RS256","kid":"r"})", good_payload);
  const auto by_secret = hmac_token(secret, hs256_header, good_payload);
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i)
          good += static_cast<bool>(verifier->verify(i % 2 == 0 ? by_rsa : by_secret, now));
      });
  }

  CHECK(good == 800);
}

// -- tokens of another implementation -------------------------------------------------------------

TEST_CASE("the seed's token is taken as its server took it") {
  auto options = options_with(jwt_algorithm::hs256, elsewhere::seed_secret);
  options.profile = transport::jwt_profile::lenient;
  const auto verdict = transport::make_jwt_verifier(options)->verify(
    elsewhere::seed_token, now + std::chrono::hours{24 * 365});

  REQUIRE(verdict);
  CHECK(verdict->subject == "kim");
  CHECK_FALSE(verdict->expires_at);
}

// Pins §1.8.
TEST_CASE("tokens that jsonwebtoken has signed are taken") {
  struct row {
    jwt_algorithm algorithm;
    const char *material, *kid, *token;
  };
  for (auto [algorithm, material, kid, token] :
       {row{jwt_algorithm::hs256, elsewhere::secret, "", elsewhere::hs256},
        row{jwt_algorithm::hs384, elsewhere::secret, "", elsewhere::hs384},
        row{jwt_algorithm::hs512, elsewhere::secret, "", elsewhere::hs512},
        row{jwt_algorithm::rs256, elsewhere::rsa_public_key, "rsa-1", elsewhere::rs256},
        row{jwt_algorithm::es256, elsewhere::ec_public_key, "ec-1", elsewhere::es256}}) {
    INFO(token);
    auto options = options_with(algorithm, material, kid);
    if (*kid != '\0') {
      options.issuer = "https://id.example";
      options.audience = "chat";
    }
    const auto verdict = transport::make_jwt_verifier(options)->verify(token, now);
    REQUIRE(verdict);
    CHECK(verdict->subject == "김철수");
    CHECK(verdict->expires_at == now + std::chrono::hours{1});
    CHECK(verdict->rooms == std::vector<std::string>{"arena:*", "lobby"});
  }
}

TEST_CASE("the example of RFC 7515 is well signed") {
  auto options =
    options_with(jwt_algorithm::hs256, protocol::decode_base64url(elsewhere::rfc7515_key).value());
  options.issuer = "joe";
  const auto verifier = transport::make_jwt_verifier(options);
  const transport::wall_time before_its_expiry{std::chrono::seconds{1'300'800'000}};

  CHECK(verifier->verify(elsewhere::rfc7515_hs256, now).error()
        == transport::auth_failure::expired);
  CHECK(verifier->verify(elsewhere::rfc7515_hs256, before_its_expiry).error()
        == transport::auth_failure::subject);
}
