// Texts that are not tokens.

#include "token_maker.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string outcome_of(std::string_view token) { return outcome(strict_options(), token); }

std::string with_header(std::string_view header) {
  return outcome_of(hmac_token(secret, header, good_payload));
}

std::string with_payload(std::string_view payload) {
  return outcome_of(hmac_token(secret, hs256_header, payload));
}

} // namespace

TEST_CASE("a good token is taken") {
  const auto verdict = transport::make_jwt_verifier(strict_options())
                         ->verify(hmac_token(secret, hs256_header, good_payload), now);

  REQUIRE(verdict);
  CHECK(verdict->subject == "kim");
  CHECK(verdict->expires_at == now + std::chrono::hours{1});
  CHECK_FALSE(verdict->rooms);
  CHECK(verdict->json == good_payload);
}

TEST_CASE("no token is missing, not malformed") { CHECK(outcome_of("") == "missing"); }

TEST_CASE("a token has three parts") {
  const auto token = hmac_token(secret, hs256_header, good_payload);
  for (const auto& text : {std::string{"."}, std::string{".."}, std::string{"..."},
                           std::string{"a.b."}, std::string{"abc"}, token + ".",
                           token + "." + token, "." + token, token.substr(0, token.rfind('.')),
                           token.substr(token.find('.')), token.substr(token.find('.') + 1)}) {
    INFO(text);
    CHECK(outcome_of(text) == "malformed");
  }
}

TEST_CASE("no part may be empty") {
  const auto token = hmac_token(secret, hs256_header, good_payload);
  const auto payload = token.find('.');
  const auto signature = token.rfind('.');

  CHECK(outcome_of(token.substr(payload)) == "malformed");
  CHECK(outcome_of(token.substr(0, payload + 1) + token.substr(signature)) == "signature");
  CHECK(outcome_of(token.substr(0, signature + 1)) == "signature");
  CHECK(with_payload("") == "malformed");
}

TEST_CASE("each part is canonical base64url") {
  const auto token = hmac_token(secret, hs256_header, good_payload);
  for (auto part : {token.find('.'), token.rfind('.'), token.size()})
    for (auto text : {"=", "\n", " ", "+", "\x80", "\xff", "%3D"}) {
      INFO(part << text);
      CHECK(outcome_of(std::string{token}.insert(part, text)) == "malformed");
    }
  CHECK(outcome_of(std::string{token}.insert(3, 1, '\0')) == "malformed");
}

TEST_CASE("a last character that decodes to the same bytes makes another token") {
  // 32 bytes leave two bits of the last character unused.
  auto token = hmac_token(secret, hs256_header, good_payload);
  constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  token.back() = digits[digits.find(token.back()) + 1];

  CHECK(outcome_of(token) == "malformed");
}

// Pins §16.11.
TEST_CASE("a token is bounded in bytes") {
  auto options = strict_options();
  const auto token = hmac_token(secret, hs256_header, good_payload);
  options.max_token_bytes = token.size();
  CHECK(outcome(options, token) == "ok");
  options.max_token_bytes = token.size() - 1;
  CHECK(outcome(options, token) == "too_long");
  options.max_token_bytes = 0;
  CHECK(outcome(options, token) == "ok");

  CHECK(outcome_of(std::string(64 * 1024, 'a')) == "too_long");
  CHECK(outcome_of(std::string(4097, '.')) == "too_long");
  CHECK(outcome_of(std::string(4096, '.')) == "malformed");
}

TEST_CASE("a header is a JSON map with a string alg") {
  for (auto header :
       {"", "x", "null", "1", "[1]", R"("x")", R"({"alg":"HS256")", R"({"alg":"HS256"}x)",
        R"({"alg":"HS256"}{})", "\xef\xbb\xbf{\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"x\":\"\xff\"}", R"({"alg":"HS256",})"}) {
    INFO(header);
    CHECK(with_header(header) == "malformed");
  }
  for (auto header : {"{}", R"({"typ":1})", R"({"alg":123})", R"({"alg":null})",
                      R"({"alg":["HS256"]})", R"({"alg":{"HS256":1}})"}) {
    INFO(header);
    CHECK(with_header(header) == "algorithm");
  }
}

TEST_CASE("a payload is a JSON map") {
  for (auto payload : {"[1]", R"("x")", "null", "1", "true", "x", "{", "{}{}", "{} x", "\xff",
                       R"({"sub":"kim"},)", "{'sub':'kim'}"}) {
    INFO(payload);
    CHECK(with_payload(payload) == "malformed");
  }
}

TEST_CASE("white space of JSON is no fault") {
  CHECK(outcome_of(hmac_token(secret, "\r\n { \"alg\" : \"HS256\" } ",
                              " {\n\"sub\":\t\"kim\", \"exp\": 1700003600 }\r\n"))
        == "ok");
}

TEST_CASE("a key that is there twice, at any depth, makes a token malformed") {
  CHECK(with_header(R"({"alg":"none","alg":"HS256"})") == "malformed");
  CHECK(with_header(R"({"alg":"HS256","\u0061lg":"HS256"})") == "malformed");
  CHECK(with_payload(R"({"sub":"kim","sub":"root","exp":1700003600})") == "malformed");
  CHECK(with_payload(R"({"sub":"kim","s\u0075b":"root","exp":1700003600})") == "malformed");
  CHECK(with_payload(R"({"sub":"kim","exp":1700003600,"x":[{"a":{"b":1,"b":2}}]})") == "malformed");
  CHECK(with_payload(R"({"sub":"kim","exp":1700003600,"x":[{"a":1},{"a":1}]})") == "ok");
}

TEST_CASE("a part that is nested deeply is malformed, and costs no stack") {
  const auto nested = [](std::size_t depth) {
    return R"({"sub":"kim","exp":1700003600,"x":)" + std::string(depth, '[')
         + std::string(depth, ']') + "}";
  };
  auto options = strict_options();
  options.max_token_bytes = 0;

  CHECK(with_payload(nested(31)) == "ok");
  CHECK(with_payload(nested(32)) == "malformed");
  CHECK(with_header(R"({"alg":"HS256","x":)" + std::string(31, '[') + std::string(31, ']') + "}")
        == "ok");
  CHECK(with_header(R"({"alg":"HS256","x":)" + std::string(32, '[') + std::string(32, ']') + "}")
        == "malformed");
  CHECK(outcome(options, hmac_token(secret, hs256_header, nested(1'000'000))) == "malformed");
  CHECK(outcome(options, hmac_token(secret, hs256_header, std::string(1'000'000, '[')))
        == "malformed");
}

TEST_CASE("claims that could not be part of a message in both codecs are malformed") {
  for (auto value : {R"("\ud800")", R"({"__proto__":1})", R"({"$bin":1})", "1e400", "NaN"}) {
    INFO(value);
    CHECK(with_payload(std::string{R"({"sub":"kim","exp":1700003600,"x":)"} + value + "}")
          == "malformed");
  }
}

TEST_CASE("claims may be of any kind and in any script") {
  const std::string payload =
    R"({"sub":"김철수","exp":1700003600,"type":"access","data":{"a":[1,-2.5,null,true,"é"]},"scope":"a b","n":18446744073709551615})";
  const auto verdict = transport::make_jwt_verifier(strict_options())
                         ->verify(hmac_token(secret, hs256_header, payload), now);

  REQUIRE(verdict);
  CHECK(verdict->subject == "김철수");
  CHECK(verdict->json == payload);
  CHECK(protocol::document_view{protocol::codec::json, verdict->json}.string("scope")
        == std::string{"a b"});
}

TEST_CASE("each failure has a metric label of its own") {
  std::vector<std::string> labels;
  for (int i = 0; i <= static_cast<int>(transport::auth_failure::subject); ++i)
    labels.emplace_back(to_string(static_cast<transport::auth_failure>(i)));
  std::sort(labels.begin(), labels.end());

  CHECK(std::adjacent_find(labels.begin(), labels.end()) == labels.end());
  CHECK(std::find(labels.begin(), labels.end(), "unknown") == labels.end());
}
