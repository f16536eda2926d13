#include "vectors.hpp"

#include <troupe/protocol/command.hpp>

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

protocol::errc code_of(std::string_view text) {
  const auto decoded = protocol::decode(protocol::codec::json, text, {});
  return decoded ? protocol::errc::ok : decoded.error().code;
}

} // namespace

// Pins §2.4, §8.14.
TEST_CASE("what is not JSON is malformed") {
  const auto texts = test::vector_file{"invalid_json.json"}.strings("texts");

  CHECK(texts.size() >= 300);
  for (const auto& text : texts) {
    INFO(text);
    CHECK(code_of(text) == protocol::errc::malformed);
  }
}

TEST_CASE("what is not UTF-8 is undecodable") {
  for (const auto& encoded : test::vector_file{"invalid_json.json"}.strings("base64")) {
    const auto code = code_of(test::from_base64(encoded));
    INFO(encoded);
    // Some are UTF-8 of a text that is no JSON.
    CHECK((code == protocol::errc::undecodable || code == protocol::errc::malformed));
  }
}

TEST_CASE("every prefix of a valid message is malformed") {
  const test::vector_file file{"valid_messages.json"};
  for (auto row : file.rows("messages")) {
    const auto whole = test::text(row, "json").value();
    const auto length = whole.find_last_of('}');
    for (std::size_t i = 0; i <= length; ++i) {
      // A copy, so that a sanitizer sees a read past the end.
      const std::vector<char> prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i));
      const auto code = code_of({prefix.data(), prefix.size()});
      CHECK((code == protocol::errc::malformed || code == protocol::errc::undecodable));
    }
  }
}

// Pins §8.16.
TEST_CASE("every prefix of a valid MessagePack message is undecodable") {
  const test::vector_file file{"valid_messages.json"};
  for (auto row : file.rows("messages")) {
    const auto whole = test::bytes(row, "msgpack").value();
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const std::vector<char> prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i));
      const auto decoded =
        protocol::decode(protocol::codec::msgpack, {prefix.data(), prefix.size()}, {});
      REQUIRE_FALSE(decoded);
      CHECK(decoded.error().code == protocol::errc::undecodable);
    }
  }
}
