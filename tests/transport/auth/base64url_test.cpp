#include "transport/auth/token_maker.hpp"

#include <troupe/protocol/base64.hpp>

#include <catch2/catch.hpp>

using namespace troupe;
using protocol::decode_base64url;

TEST_CASE("base64url decodes to the bytes that were encoded") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    CHECK(decode_base64url(test::base64url(bytes)) == bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST_CASE("the vectors of RFC 4648 hold without their padding") {
  CHECK(decode_base64url("") == std::string{});
  CHECK(decode_base64url("Zg") == std::string{"f"});
  CHECK(decode_base64url("Zm8") == std::string{"fo"});
  CHECK(decode_base64url("Zm9vYmFy") == std::string{"foobar"});
  CHECK(decode_base64url("-_-_") == std::string{"\xfb\xff\xbf"});
}

TEST_CASE("padding, the other alphabet, white space and foreign bytes are not base64url") {
  for (auto text : {"Zg==", "Zg=", "=", "+/+/", "Zm 8", "Zm8\n", "\nZm8", "Zm8.",
                    "Zm\xc3\xb6"
                    "8",
                    "Z\x80", "Zg%3D"}) {
    INFO(text);
    CHECK_FALSE(decode_base64url(text));
  }
  CHECK_FALSE(decode_base64url(std::string_view{"Zg\0A", 4}));
}

TEST_CASE("a lone digit and bits that belong to no byte are not canonical") {
  for (auto text : {"Z", "A", "Zm9vY", "Zm9vA", "Zh", "Zn", "Zv", "Zm9", "Zm-", "Zm__"}) {
    INFO(text);
    CHECK((decode_base64url(text).has_value() == (std::string_view{text} == "Zm__")));
  }
}

TEST_CASE("no two texts decode to the same bytes") {
  constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int taken = 0;
  for (char a : digits)
    for (char b : digits)
      if (const auto bytes = decode_base64url(std::string{a, b})) {
        ++taken;
        CHECK(test::base64url(*bytes) == (std::string{a, b}));
      }

  CHECK(taken == 256);
}
