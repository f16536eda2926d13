// What a correctly signed token must contain.

#include "token_maker.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

/// The outcome for a token whose payload is `sub` and `fields`.
std::string strict(const std::string& fields) {
  return outcome(strict_options(),
                 hmac_token(secret, hs256_header, R"({"sub":"kim")" + fields + "}"));
}

std::string seed(const std::string& fields) {
  return outcome(seed_options(),
                 hmac_token(secret, hs256_header, R"({"sub":"kim")" + fields + "}"));
}

std::string at(const char* claim, long offset) {
  return std::string{",\""} + claim + "\":" + std::to_string(1'700'000'000 + offset);
}

/// The outcome for a token whose payload is `exp` and `fields`.
std::string of(const transport::jwt_options& options, const std::string& fields) {
  return outcome(options, hmac_token(secret, hs256_header, R"({"exp":1700003600,)" + fields + "}"));
}

std::string with_subject(const std::string& json) {
  return of(strict_options(), R"("sub":)" + json);
}

} // namespace

// -- times ----------------------------------------------------------------------------------------

// Pins §1.17.
TEST_CASE("a strict token expires") {
  CHECK(strict("") == "no_expiry");
  CHECK(strict(at("iat", 0)) == "no_expiry");
  CHECK(seed("") == "ok");
}

TEST_CASE("a token is good until its expiry and the leeway after it") {
  for (auto check : {strict, seed}) {
    CHECK(check(at("exp", 1)) == "ok");
    CHECK(check(at("exp", -29)) == "ok");
    CHECK(check(at("exp", -30)) == "expired");
    CHECK(check(",\"exp\":0") == "expired");
    CHECK(check(",\"exp\":1699999970.001") == "ok");
  }
}

TEST_CASE("a token is good from nbf and the leeway before it") {
  for (auto check : {strict, seed}) {
    CHECK(check(at("exp", 60) + at("nbf", -5)) == "ok");
    CHECK(check(at("exp", 60) + at("nbf", 30)) == "ok");
    CHECK(check(at("exp", 60) + at("nbf", 31)) == "not_yet");
    CHECK(check(at("exp", 60) + ",\"nbf\":9007199254740991") == "not_yet");
  }
}

TEST_CASE("a token from the future is refused") {
  for (auto check : {strict, seed}) {
    CHECK(check(at("exp", 60) + at("iat", 30)) == "ok");
    CHECK(check(at("exp", 60) + at("iat", 31)) == "from_future");
  }
}

TEST_CASE("a leeway of zero is exact") {
  auto options = strict_options();
  options.leeway = std::chrono::seconds{0};
  const auto check = [&](const std::string& fields) {
    return outcome(options, hmac_token(secret, hs256_header, R"({"sub":"kim")" + fields + "}"));
  };

  CHECK(check(at("exp", 1)) == "ok");
  CHECK(check(at("exp", 0)) == "expired");
  CHECK(check(at("exp", 9) + at("nbf", 0) + at("iat", 0)) == "ok");
  CHECK(check(at("exp", 9) + at("nbf", 1)) == "not_yet");
  CHECK(check(at("exp", 9) + at("iat", 1)) == "from_future");
}

TEST_CASE("a time is a number from 0 to 2^53 - 1, whatever the profile") {
  for (auto claim : {"exp", "nbf", "iat"})
    for (auto value :
         {"-1", "-0.5", "1e300", "9007199254740992", "18446744073709551615", "-9223372036854775808",
          R"("1700003600")", "null", "true", "[]", "[1700003600]", "{}"}) {
      const auto fields = std::string{",\""} + claim + "\":" + value
                        + (std::string_view{claim} == "exp" ? "" : at("exp", 60));
      INFO(fields);
      CHECK(strict(fields) == "claim");
      CHECK(seed(fields) == "claim");
    }
  CHECK(strict(",\"exp\":1e400") == "malformed");
  CHECK(seed(",\"exp\":9007199254740991") == "ok");
  CHECK(seed(",\"exp\":17000036.0e2,\"iat\":-0,\"nbf\":-0.0") == "ok");
}

// Pins §1.17.
TEST_CASE("the lifetime of a strict token is bounded from iat, else from now") {
  CHECK(strict(at("exp", 86'400)) == "ok");
  CHECK(strict(at("exp", 86'401)) == "lifetime");
  CHECK(strict(at("exp", 10) + at("iat", 10 - 86'400)) == "ok");
  CHECK(strict(at("exp", 10) + at("iat", 9 - 86'400)) == "lifetime");
  CHECK(strict(",\"exp\":9007199254740991") == "lifetime");
  CHECK(seed(at("exp", 86'401)) == "ok");

  auto options = strict_options();
  options.max_lifetime = std::chrono::seconds{0};
  CHECK(
    outcome(options, hmac_token(secret, hs256_header, R"({"sub":"kim","exp":9007199254740991})"))
    == "ok");
}

TEST_CASE("the expiry is handed over to the millisecond") {
  const auto verifier = transport::make_jwt_verifier(seed_options());
  const auto expiry = [&](const char* payload) {
    return verifier->verify(hmac_token(secret, hs256_header, payload), now)->expires_at;
  };

  CHECK(expiry(R"({"sub":"kim","exp":1700000000.25})") == now + std::chrono::milliseconds{250});
  CHECK(expiry(R"({"sub":"kim"})") == std::nullopt);
}

// -- parties --------------------------------------------------------------------------------------

TEST_CASE("the issuer is checked if one is configured") {
  auto options = strict_options();
  options.issuer = "https://id.example";

  CHECK(of(options, R"("sub":"kim","iss":"https://id.example")") == "ok");
  for (auto iss : {R"("")", R"("https://id.example/")", R"("https://ID.example")",
                   R"(["https://id.example"])", "null", "1"})
    CHECK(of(options, std::string{R"("sub":"kim","iss":)"} + iss) == "issuer");
  CHECK(of(options, R"("sub":"kim")") == "issuer");
  CHECK(of(strict_options(), R"("sub":"kim","iss":"anybody")") == "ok");
}

TEST_CASE("the audience is checked if one is configured, alone or among others") {
  auto options = strict_options();
  options.audience = "chat";

  for (auto aud : {R"("chat")", R"(["chat"])", R"(["game","chat"])"})
    CHECK(of(options, std::string{R"("sub":"kim","aud":)"} + aud) == "ok");
  for (auto aud : {R"("")", R"("chat2")", R"("Chat")", "[]", R"(["game"])", R"([["chat"]])",
                   R"(["chat",1])", R"({"chat":1})", "null", "1"})
    CHECK(of(options, std::string{R"("sub":"kim","aud":)"} + aud) == "audience");
  CHECK(of(options, R"("sub":"kim")") == "audience");
  CHECK(of(strict_options(), R"("sub":"kim","aud":["anything"])") == "ok");
}

// -- the subject ----------------------------------------------------------------------------------

// Pins §1.12, §1.16.
TEST_CASE("the subject is sub, else username") {
  const auto verifier = transport::make_jwt_verifier(seed_options());
  const auto subject = [&](const char* payload) {
    return verifier->verify(hmac_token(secret, hs256_header, payload), now)->subject;
  };

  CHECK(subject(R"({"sub":"1234","username":"kim"})") == "1234");
  CHECK(subject(R"({"username":"김철수"})") == "김철수");
}

// Pins §1.16, §1.42.
TEST_CASE("a token without a name for its bearer is refused") {
  CHECK(of(strict_options(), R"("name":"kim")") == "subject");
  CHECK(of(strict_options(), R"("username":"")") == "subject");
  for (auto sub : {R"("")", "1", "null", "true", R"(["kim"])", "{}"}) {
    CHECK(with_subject(sub) == "subject");
    CHECK(with_subject(std::string{sub} + R"(,"username":"kim")") == "subject");
  }
}

// Pins §1.42.
TEST_CASE("a name is plain text of up to 128 bytes") {
  CHECK(with_subject('"' + std::string(128, 'k') + '"') == "ok");
  CHECK(with_subject('"' + std::string(129, 'k') + '"') == "subject");
  CHECK(with_subject(R"("auth0|5f7c8ec7c33c6c004bbafe82")") == "ok");
  CHECK(with_subject(R"("kim lee@example.com")") == "ok");
  for (auto sub : {R"("a\u0000z")", R"("a\r\nz")", R"("a\u001b[31mz")", R"("a\u007fz")",
                   R"("a\u0085z")", R"("a\u202ez")", R"(" kim")", R"("kim ")"}) {
    INFO(sub);
    CHECK(with_subject(sub) == "subject");
  }
}

// -- rooms ----------------------------------------------------------------------------------------

TEST_CASE("the rooms of a token are handed over") {
  const auto verifier = transport::make_jwt_verifier(seed_options());
  const auto rooms = [&](const char* payload) {
    return verifier->verify(hmac_token(secret, hs256_header, payload), now)->rooms;
  };
  using list = std::vector<std::string>;

  CHECK(rooms(R"({"sub":"kim"})") == std::nullopt);
  CHECK(rooms(R"({"sub":"kim","rooms":[]})") == list{});
  CHECK(rooms(R"({"sub":"kim","rooms":["arena:*","로비","*"]})") == list{"arena:*", "로비", "*"});
}

TEST_CASE("rooms that are no list of names are refused, not ignored") {
  for (auto value : {R"("lobby")", "null", "{}", "1", "[1]", R"(["lobby",1])", R"([["lobby"]])",
                     R"([""])", R"(["a\nb"])", R"([" lobby"])"}) {
    INFO(value);
    CHECK(of(strict_options(), std::string{R"("sub":"kim","rooms":)"} + value) == "claim");
  }
  CHECK(of(strict_options(), R"("sub":"kim","rooms":[")" + std::string(129, 'r') + "\"]")
        == "claim");
}
