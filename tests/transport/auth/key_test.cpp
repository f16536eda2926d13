// Which key verifies a token.

#include "token_maker.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using transport::jwt_algorithm;
using transport::jwt_key;

namespace {

constexpr char other_secret[] = "another secret of thirty-two bytes";

std::string outcome_of(std::string_view token) { return outcome(strict_options(), token); }

std::string with_header(std::string_view header) {
  return outcome_of(hmac_token(secret, header, good_payload));
}

transport::jwt_options options_with(std::vector<jwt_key> keys) {
  auto options = strict_options();
  options.keys = std::move(keys);
  return options;
}

/// The complaint about the options, as the operator reads it.
std::string complaint_of(transport::jwt_options options) {
  try {
    (void)transport::make_jwt_verifier(std::move(options));
    return {};
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

std::string complaint(std::vector<jwt_key> keys,
                      transport::jwt_profile profile = transport::jwt_profile::strict) {
  auto options = options_with(std::move(keys));
  options.profile = profile;
  return complaint_of(std::move(options));
}

} // namespace

// -- the algorithm --------------------------------------------------------------------------------

TEST_CASE("a token without algorithm is refused, signed or not") {
  for (auto name : {"none", "None", "NONE", "nOnE", "", " none", "none ", "hs256", "Hs256",
                    "HS256 ", "HS1", "PS256", "RS512", "ES384", "EdDSA"}) {
    const auto header = std::string{R"({"alg":")"} + name + R"("})";
    INFO(header);
    CHECK(with_header(header) == "algorithm");
    CHECK(outcome_of(unsigned_token(header, good_payload) + ".") == "algorithm");
    CHECK(outcome_of(unsigned_token(header, good_payload) + ".AAAA") == "algorithm");
  }
  CHECK(with_header("{}") == "algorithm");
  CHECK(with_header(R"({"alg":"HS256\u0000"})") == "algorithm");
  CHECK(with_header(R"({"Alg":"HS256"})") == "algorithm");
}

TEST_CASE("a secret is good for one hash only") {
  const std::string long_secret(64, 'k');
  const auto token = [&](const char* name, const EVP_MD* hash) {
    return hmac_token(long_secret, std::string{R"({"alg":")"} + name + R"("})", good_payload, hash);
  };
  const auto as = [&](jwt_algorithm algorithm) {
    return options_with({{{}, algorithm, long_secret, {}}});
  };

  CHECK(outcome(as(jwt_algorithm::hs256), token("HS256", EVP_sha256())) == "ok");
  CHECK(outcome(as(jwt_algorithm::hs384), token("HS384", EVP_sha384())) == "ok");
  CHECK(outcome(as(jwt_algorithm::hs512), token("HS512", EVP_sha512())) == "ok");
  CHECK(outcome(as(jwt_algorithm::hs256), token("HS512", EVP_sha512())) == "algorithm");
  CHECK(outcome(as(jwt_algorithm::hs512), token("HS256", EVP_sha256())) == "algorithm");
  CHECK(outcome(as(jwt_algorithm::hs512), token("HS512", EVP_sha256())) == "signature");
}

TEST_CASE("a public key is never a secret") {
  for (const auto& [key, algorithm] :
       {std::pair{make_rsa(), jwt_algorithm::rs256}, std::pair{make_ec(), jwt_algorithm::es256}}) {
    const auto pem = public_pem(key);
    const auto options = options_with({{{}, algorithm, pem, {}}});
    for (const auto& forged_with : {pem, pem.substr(0, pem.size() - 1), std::string{}})
      CHECK(outcome(options, hmac_token(forged_with, R"({"alg":"HS256"})", good_payload))
            == "algorithm");
    const auto header = std::string{R"({"alg":")"}.append(to_string(algorithm)) + R"("})";
    CHECK(outcome(options, hmac_token(pem, header, good_payload)) == "signature");
  }
}

// -- the key's name -------------------------------------------------------------------------------

TEST_CASE("a token is checked with the key that it names, or with the one without name") {
  const auto options = options_with(
    {{{}, jwt_algorithm::hs256, secret, {}}, {"b", jwt_algorithm::hs256, other_secret, {}}});
  const auto token = [](const char* key, const char* header) {
    return hmac_token(key, header, good_payload);
  };

  CHECK(outcome(options, token(secret, R"({"alg":"HS256"})")) == "ok");
  CHECK(outcome(options, token(other_secret, R"({"alg":"HS256","kid":"b"})")) == "ok");
  CHECK(outcome(options, token(other_secret, R"({"alg":"HS256"})")) == "signature");
  CHECK(outcome(options, token(secret, R"({"alg":"HS256","kid":"b"})")) == "signature");
  CHECK(outcome(options, token(secret, R"({"alg":"HS256","kid":"c"})")) == "key");
  CHECK(outcome(options, token(secret, R"({"alg":"HS256","kid":"B"})")) == "key");
}

TEST_CASE("a name that cannot be a key's finds none") {
  for (const auto& kid :
       {std::string{"../../etc/passwd"}, std::string{"/dev/null"},
        std::string{"https://evil.example/jwks"}, std::string{}, std::string{"a b"},
        std::string{"\\n"}, std::string{"\\u0000"}, std::string{"' OR 1=1"},
        std::string{"\xc3\xa9"}, std::string(129, 'k')}) {
    INFO(kid);
    CHECK(with_header(R"({"alg":"HS256","kid":")" + kid + R"("})") == "key");
  }
  for (auto kid : {"1", "null", "[]", "{}", R"(["b"])"})
    CHECK(with_header(std::string{R"({"alg":"HS256","kid":)"} + kid + "}") == "key");
  auto options = strict_options();
  options.max_token_bytes = 0;
  CHECK(
    outcome(options,
            hmac_token(secret, R"({"alg":"HS256","kid":")" + std::string(10 * 1024, 'k') + R"("})",
                       good_payload))
    == "key");
}

TEST_CASE("a key's name has up to 128 characters") {
  const std::string kid(128, '~');

  CHECK(outcome(options_with({{kid, jwt_algorithm::hs256, secret, {}}}),
                hmac_token(secret, R"({"alg":"HS256","kid":")" + kid + R"("})", good_payload))
        == "ok");
}

TEST_CASE("a token that brings its own key, or an extension, is refused") {
  for (auto field : {R"("jku":"https://evil.example/jwks")", R"("x5u":"https://evil.example/cert")",
                     R"("jwk":{"kty":"oct","k":"AAAA"})", R"("crit":["exp"])", R"("crit":[])",
                     R"("jku":null)"}) {
    INFO(field);
    CHECK(with_header(std::string{R"({"alg":"HS256",)"} + field + "}") == "header");
  }
}

TEST_CASE("other fields of a header are ignored") {
  for (auto field : {R"("typ":"at+jwt")", R"("typ":1)", R"("cty":"x")", R"("x5t":"AAAA")",
                     R"("foo":{"bar":[1]})"})
    CHECK(with_header(std::string{R"({"alg":"HS256",)"} + field + "}") == "ok");
}

// -- keys that are not taken ----------------------------------------------------------------------

TEST_CASE("a verifier has keys, one for each name") {
  CHECK(complaint({})
        == "jwt_options.keys is empty: expected at least one key to check tokens with");
  CHECK(complaint({{{}, jwt_algorithm::hs256, secret, "a.txt"},
                   {{}, jwt_algorithm::hs256, other_secret, "b.txt"}})
        == "b.txt: expected one key without kid");
  CHECK(complaint(
          {{"k", jwt_algorithm::hs256, secret, {}}, {"k", jwt_algorithm::hs256, other_secret, {}}})
        == "the key k: expected one key for the kid k");
  CHECK(complaint({{"a b", jwt_algorithm::hs256, secret, "a.txt"}})
        == "a.txt: expected a kid of 1 to 128 printable ASCII characters without space");
}

TEST_CASE("limits that make no sense are refused with their name and value") {
  auto complaint_with = [](std::chrono::seconds leeway, std::chrono::seconds lifetime) {
    auto options = strict_options();
    options.leeway = leeway;
    options.max_lifetime = lifetime;
    return complaint_of(std::move(options));
  };
  using std::chrono::seconds;

  CHECK(complaint_with(seconds{90'000}, seconds{1})
        == "jwt_options.leeway is 90000 s: expected 0 to 86400 s");
  CHECK(complaint_with(seconds{-1}, seconds{1})
        == "jwt_options.leeway is -1 s: expected 0 to 86400 s");
  CHECK(complaint_with(seconds{1}, seconds{-1})
        == "jwt_options.max_lifetime is -1 s: expected 0 to 3153600000 s");
  CHECK(complaint_with(seconds{1}, seconds::max())
        == "jwt_options.max_lifetime is " + std::to_string(seconds::max().count())
             + " s: expected 0 to 3153600000 s");
}

TEST_CASE("a strict secret is as long as its hash") {
  for (auto [algorithm, bytes] :
       {std::pair{jwt_algorithm::hs256, 32u}, std::pair{jwt_algorithm::hs384, 48u},
        std::pair{jwt_algorithm::hs512, 64u}}) {
    CHECK(complaint({{{}, algorithm, std::string(bytes, 'k'), {}}}).empty());
    CHECK(complaint({{{}, algorithm, std::string(bytes - 1, 'k'), {}}})
          == "the key of tokens without kid: expected a secret of " + std::to_string(bytes)
               + " bytes or more for " + std::string{to_string(algorithm)});
  }
}

TEST_CASE("the lenient profile takes a short secret with a warning, an empty one never") {
  auto options = seed_options();
  options.keys = {{{}, jwt_algorithm::hs256, "your-secret-key", "secret.txt"}};
  const auto verifier = transport::make_jwt_verifier(std::move(options));

  CHECK(verifier->warnings()
        == std::vector<std::string>{
          "Tokens may stand in the query of a URL, and those without exp are good for ever.",
          "secret.txt: a secret this short can be guessed; take 32 bytes or more for HS256."});
  CHECK(verifier->takes_query_token());
  CHECK(complaint({{{}, jwt_algorithm::hs256, "", {}}}, transport::jwt_profile::lenient)
        == "the key of tokens without kid: expected a secret of 1 byte or more, and it is empty");
}

TEST_CASE("the strict profile warns of nothing and takes no token from a query") {
  const auto verifier = transport::make_jwt_verifier(strict_options());

  CHECK(verifier->warnings().empty());
  CHECK_FALSE(verifier->takes_query_token());
}

TEST_CASE("what others may know is no secret") {
  for (auto profile : {transport::jwt_profile::lenient, transport::jwt_profile::strict})
    for (const auto& text :
         {public_pem(make_rsa()), private_pem(make_ec()), "# our key\n" + public_pem(make_ec()),
          std::string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJbWVhbm1ub3BxcnN0 kim@example"},
          std::string{
            " {\n \"kty\": \"RSA\", \"n\": \"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78\"}"}})
      CHECK(complaint({{{}, jwt_algorithm::hs256, text, "k"}}, profile)
            == "k: expected a secret, not the text of a key that others may know");
}

TEST_CASE("a public key fits its algorithm") {
  const auto rsa = public_pem(make_rsa());
  const auto ec = public_pem(make_ec());
  const std::string rsa_wanted = "k: expected one public key in PEM, RSA of 2048 bits or more";
  const std::string ec_wanted = "k: expected one public key in PEM, EC on the curve P-256";

  CHECK(complaint({{{}, jwt_algorithm::rs256, rsa, "k"}}).empty());
  CHECK(complaint({{{}, jwt_algorithm::es256, ec, "k"}}).empty());
  CHECK(complaint({{{}, jwt_algorithm::rs256, ec, "k"}}) == rsa_wanted);
  CHECK(complaint({{{}, jwt_algorithm::es256, rsa, "k"}}) == ec_wanted);
  CHECK(complaint({{{}, jwt_algorithm::rs256, public_pem(make_rsa(1024)), "k"}}) == rsa_wanted);
  CHECK(complaint({{{}, jwt_algorithm::es256, public_pem(make_ec("P-384")), "k"}}) == ec_wanted);
  CHECK(complaint({{{}, jwt_algorithm::es256, public_pem(make_ec("secp256k1")), "k"}})
        == ec_wanted);
  for (const auto& text :
       {std::string{}, std::string{secret}, private_pem(make_rsa()), rsa + rsa, rsa.substr(0, 200),
        "-----BEGIN " + rsa,
        std::string{"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}})
    CHECK(complaint({{{}, jwt_algorithm::rs256, text, "k"}}) == rsa_wanted);
}
