// Damaged tokens: none is accepted, and nothing throws.

#include "auth/token_carrier.hpp"
#include "fuzz/mutator.hpp"
#include "observe/redact.hpp"
#include "token_maker.hpp"

#include <troupe/protocol/base64.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::test;
using transport::jwt_algorithm;

namespace {

constexpr std::uint64_t seed = 20'240'611;
constexpr char rich_payload[] =
  R"({"sub":"kim","iss":"me","aud":["a","b"],"iat":1700000000,"nbf":1700000000,"exp":1700003600,"rooms":["arena:*"],)"
  R"("x":{"y":[1,2.5,null,true]}})";

/// A verifier with a key of each kind, and tokens that it accepts.
struct fixture {
  key_pair rsa = make_rsa();
  key_pair ec = make_ec();
  std::vector<std::string> tokens;
  std::unique_ptr<const transport::token_verifier> verifier;

  fixture() {
    transport::jwt_options options;
    const std::string long_secret(64, 'k');
    options.keys = {{{}, jwt_algorithm::hs256, secret, {}},
                    {"h", jwt_algorithm::hs512, long_secret, {}},
                    {"r", jwt_algorithm::rs256, public_pem(rsa), {}},
                    {"e", jwt_algorithm::es256, public_pem(ec), {}}};
    verifier = transport::make_jwt_verifier(std::move(options));
    for (auto payload : {good_payload, rich_payload}) {
      tokens.push_back(hmac_token(secret, hs256_header, payload));
      tokens.push_back(
        hmac_token(long_secret, R"({"alg":"HS512","kid":"h"})", payload, EVP_sha512()));
      tokens.push_back(key_token(rsa, R"({"alg":"RS256","kid":"r"})", payload));
      tokens.push_back(key_token(ec, R"({"alg":"ES256","kid":"e"})", payload));
    }
  }

  [[nodiscard]] bool is_good(std::string_view token) const {
    return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
  }
};

/// The three parts of a token, decoded.
std::vector<std::string> decoded(const std::string& token) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= token.size();) {
    const auto dot = std::min(token.find('.', at), token.size());
    parts.push_back(protocol::decode_base64url(token.substr(at, dot - at)).value());
    at = dot + 1;
  }
  return parts;
}

} // namespace

TEST_CASE("no damaged token is taken") {
  const fixture f;
  for (const auto& token : f.tokens)
    REQUIRE(f.verifier->verify(token, now));
  mutator mutations{seed, f.tokens};
  int damaged = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto token = mutations.next();
    damaged += !f.is_good(token);
    if (static_cast<bool>(f.verifier->verify(token, now)) != f.is_good(token))
      FAIL(token);
  }

  CHECK(damaged > 15'000);
}

TEST_CASE("no token is taken whose parts were damaged before they were encoded") {
  const fixture f;
  std::vector<std::vector<std::string>> parts;
  for (const auto& token : f.tokens)
    parts.push_back(decoded(token));
  for (std::size_t which = 0; which < 3; ++which) {
    std::vector<std::string> corpus;
    for (const auto& each : parts)
      corpus.push_back(each[which]);
    mutator mutations{seed + which, corpus};
    for (int i = 0; i < 5'000; ++i) {
      auto other = parts[static_cast<std::size_t>(i) % parts.size()];
      other[which] = mutations.next();
      const auto token = unsigned_token(other[0], other[1]) + '.' + base64url(other[2]);
      if (static_cast<bool>(f.verifier->verify(token, now)) != f.is_good(token))
        FAIL(token);
    }
  }
}

TEST_CASE("a well-signed token with a damaged payload is refused, or says what its payload says") {
  const auto verifier = transport::make_jwt_verifier(strict_options());
  mutator mutations{seed, {good_payload, rich_payload}};
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto payload = mutations.next();
    const auto verdict = verifier->verify(hmac_token(secret, hs256_header, payload), now);
    if (!verdict)
      continue;
    ++taken;
    const protocol::document_view view{protocol::codec::json, payload};
    const bool agrees =
      verdict->json == payload && protocol::is_room_name(verdict->subject)
      && view.string(view.raw("sub").empty() ? "username" : "sub") == verdict->subject
      && !view.raw("exp").empty() && verdict->rooms.has_value() == !view.raw("rooms").empty()
      && *verdict->expires_at > now - std::chrono::seconds{30}
      && *verdict->expires_at <= now + std::chrono::hours{25};
    if (!agrees)
      FAIL(payload);
  }

  CHECK(taken > 1'000);
}

TEST_CASE("a well-signed token with a damaged header is taken only as what its key is for") {
  const auto verifier = transport::make_jwt_verifier(strict_options());
  mutator mutations{seed,
                    {hs256_header, R"({"alg":"HS256","kid":"h","jku":"https://a.example"})",
                     R"({"typ":"JWT","alg":"none"})"}};
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto header = mutations.next();
    const auto verdict = verifier->verify(hmac_token(secret, header, good_payload), now);
    taken += static_cast<bool>(verdict);
    if (verdict
        && protocol::document_view{protocol::codec::json, header}.string("alg")
             != std::string{"HS256"})
      FAIL(header);
  }

  CHECK(taken > 200);
}

TEST_CASE("no damaged request or line makes the search for a token throw") {
  const fixture f;
  std::vector<std::string> corpus{"Bearer " + f.tokens[0], "token=" + f.tokens[0],
                                  "?a=b&%74oken=a%2Eb&x", "troupe.bearer." + f.tokens[0]};
  mutator mutations{seed, corpus};
  for (int i = 0; i < 5'000; ++i) {
    const auto text = mutations.next();
    const std::string_view view{text};
    (void)transport::token_from({{&view, 1}, {&view, 1}, view}, i % 2 == 0);
    const auto line = transport::redact(text);
    if (transport::redact(line).size() > line.size() + 64)
      FAIL(text);
  }
}
