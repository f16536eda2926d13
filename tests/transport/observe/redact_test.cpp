// No output shows a token.

#include "observe/redact.hpp"

#include "transport/auth/signed_elsewhere.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using transport::redact;

TEST_CASE("text without a token stays as it is") {
  for (auto text :
       {"", "GET /chat?room=lobby HTTP/1.1", "a token was refused: expired", "the bearer",
        "tokens=", "?token=", "token=&x=1", "Bearer ", "eyJ", "eyJhbGciOiJIUzI1NiJ9",
        "Authorization: Basic a2lt", "key=ey.x", "www.monkeybusinesses.com"}) {
    INFO(text);
    CHECK(redact(text) == text);
  }
}

TEST_CASE("the token of a target is hidden and nothing else of it") {
  CHECK(redact("/?token=a.b.c") == "/?token=[redacted]");
  CHECK(redact("GET /chat?room=x&token=a.b.c&y=1#z HTTP/1.1")
        == "GET /chat?room=x&token=[redacted]&y=1#z HTTP/1.1");
  CHECK(redact("/?token=a%2Eb+c==&token=d") == "/?token=[redacted]&token=[redacted]");
  CHECK(redact("/?token==abc") == "/?token=[redacted]");
}

TEST_CASE("a token is hidden behind keys in any case and escape, and behind those of others") {
  CHECK(redact("/?Token=a") == "/?Token=[redacted]");
  CHECK(redact("/?%74oken=a") == "/?%74oken=[redacted]");
  CHECK(redact("/?%74%6F%6b%65%6E=a&b=c") == "/?%74%6F%6b%65%6E=[redacted]&b=c");
  CHECK(redact("/?access_token=a&id_token=b") == "/?access_token=[redacted]&id_token=[redacted]");
  CHECK(redact("Referer: https://a.example/login?next=%2F%3Ftoken%3Da.b.c")
        == "Referer: https://a.example/login?next=%2F%3Ftoken%3D[redacted]");
}

TEST_CASE("the token of a header is hidden") {
  CHECK(redact("Authorization: Bearer a.b.c") == "Authorization: Bearer [redacted]");
  CHECK(redact("authorization: bearer \t a.b.c\r\nHost: x")
        == "authorization: bearer \t [redacted]\r\nHost: x");
  CHECK(redact("Bearer a, Bearer b") == "Bearer [redacted], Bearer [redacted]");
  CHECK(redact(R"({"authorization":"Bearer a.b.c","x":1})")
        == R"({"authorization":"Bearer [redacted]","x":1})");
  CHECK(redact("Sec-WebSocket-Protocol: troupe.v1.json, troupe.bearer.a.b.c, x")
        == "Sec-WebSocket-Protocol: troupe.v1.json, troupe.bearer.[redacted], x");
  CHECK(redact("TROUPE.BEARER.a.b.c") == "TROUPE.BEARER.[redacted]");
}

TEST_CASE("a JSON web token is hidden wherever it stands") {
  for (auto token : {test::elsewhere::seed_token, test::elsewhere::hs512, test::elsewhere::rs256,
                     test::elsewhere::es256})
    for (auto [before, after] :
         {std::pair{"", ""}, std::pair{R"({"type":"auth","token":")", R"("})"},
          std::pair{"auth: ", " refused"}, std::pair{"/?jwt%3D", "&x=1"},
          std::pair{"Cookie: session=", ""}, std::pair{"Bearer \"", "\""},
          std::pair{"token=\"", "\""}, std::pair{"Bearer%20", ""}}) {
      INFO(before);
      CHECK(redact(std::string{before} + token + after)
            == std::string{before} + "[redacted]" + after);
    }
}

TEST_CASE("what stands behind a token is judged anew") {
  const std::string token = test::elsewhere::hs256;

  CHECK(redact(token + " and eyJ, or eyJhbGciOiJIUzI1NiJ9 alone")
        == "[redacted] and eyJ, or eyJhbGciOiJIUzI1NiJ9 alone");
  CHECK(redact(token + ' ' + test::elsewhere::rs256 + " x") == "[redacted] [redacted] x");
}

TEST_CASE("a token that was cut in its payload is hidden as well") {
  const auto cut = std::string{test::elsewhere::hs256}.substr(0, 60);

  CHECK(redact("target: " + cut + "...") == "target: [redacted]");
}

TEST_CASE("what is redacted stays so") {
  for (auto text : {"/?token=a.b.c&x=1", "Bearer a", "troupe.bearer.a"})
    CHECK(redact(redact(text)) == redact(text));
}

TEST_CASE("bytes of any kind pass") {
  std::string text;
  for (int i = 0; i < 256; ++i)
    text.push_back(static_cast<char>(i));

  CHECK(redact(text) == text);
  CHECK(redact("?token=" + text.substr(0x80)) == "?token=[redacted]");
}
