#include "vectors.hpp"

#include <troupe/protocol/command.hpp>

#include <catch2/catch.hpp>

using namespace troupe;
using protocol::codec;

namespace {

std::string transcoded(codec from, std::string_view value, codec to) {
  std::string out = "kept";
  protocol::transcode(from, value, to, out);
  REQUIRE(out.starts_with("kept"));
  return out.substr(4);
}

/// Whether a message that holds this value is accepted.
bool is_taken(codec source, std::string_view value) {
  const auto message = source == codec::json
                       ? std::string{R"({"type":"message","data":)"}.append(value).append("}")
                       : std::string{"\x82\xa4type\xa7message\xa4"
                                     "data"}
                           .append(value);
  const auto decoded = protocol::decode(source, message, {});
  return decoded && decoded->body == value;
}

} // namespace

// Pins §8.18.
TEST_CASE("every valid payload arrives equal in both codecs") {
  const test::vector_file file{"payloads.json"};
  for (auto row : file.rows("payloads")) {
    const auto json = test::text(row, "json").value();
    const auto msgpack = test::bytes(row, "msgpack").value();
    INFO(test::text(row, "name").value());

    CHECK(is_taken(codec::json, json));
    CHECK(is_taken(codec::msgpack, msgpack));
    CHECK(test::to_base64(transcoded(codec::json, json, codec::msgpack))
          == test::to_base64(msgpack));
    CHECK(transcoded(codec::msgpack, msgpack, codec::json) == json);
  }
}

// Pins §8.18.
TEST_CASE("other ways to write a payload mean the same") {
  const test::vector_file file{"payloads.json"};
  for (auto row : file.rows("payloads")) {
    const auto json = test::text(row, "json").value();
    const auto msgpack = test::bytes(row, "msgpack").value();
    for (const auto& other : test::texts(row, "jsonAlso")) {
      INFO(other);
      CHECK(is_taken(codec::json, other));
      CHECK(test::to_base64(transcoded(codec::json, other, codec::msgpack))
            == test::to_base64(msgpack));
    }
    for (const auto& encoded : test::texts(row, "msgpackAlso")) {
      const auto other = test::from_base64(encoded);
      INFO(encoded);
      CHECK(is_taken(codec::msgpack, other));
      CHECK(transcoded(codec::msgpack, other, codec::json) == json);
    }
  }
}

// Pins §8.17.
TEST_CASE("a value stays verbatim in its own codec") {
  CHECK(transcoded(codec::json, R"({ "a" : 1e2 })", codec::json) == R"({ "a" : 1e2 })");
  CHECK(transcoded(codec::msgpack, std::string_view{"\xcd\x00\x01", 3}, codec::msgpack)
        == std::string_view{"\xcd\x00\x01", 3});
}
