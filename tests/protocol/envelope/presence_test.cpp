#include <troupe/protocol/presence.hpp>

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/frame.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe::protocol;

namespace {

std::string payload_of(const shared_bytes& frame) {
  return std::string{frame.view().substr(frame.size() < 128 ? 2 : frame.size() < 65'540 ? 4 : 10)};
}

std::string as_json(const shared_bytes& msgpack) {
  std::string json;
  transcode(codec::msgpack, payload_of(msgpack), codec::json, json);
  return json;
}

} // namespace

// Pins §4.60.
TEST_CASE("a page of presence is the same in both codecs") {
  const raw_value ann_is{codec::json, R"({"name":"Ann"})"};
  presence_page json{encoding::v1_json}, msgpack{encoding::v1_msgpack};
  for (auto* page : {&json, &msgpack}) {
    REQUIRE(page->add({"ann", 2, ann_is}));
    REQUIRE(page->add({"bob", 1, {}}));
  }
  const presence_page::context in{"7", "r", 3, false};
  const presence_page::context in_msgpack{"\x07", "r", 3, false};

  const auto expected =
    R"({"type":"presence","ref":7,"roomId":"r","members":[)"
    R"({"userId":"ann","sessions":2,"profile":{"name":"Ann"}},{"userId":"bob"}],)"
    R"("total":3,"complete":false})";
  CHECK(payload_of(json.frame(in, nullptr)) == expected);
  CHECK(as_json(msgpack.frame(in_msgpack, nullptr)) == expected);
}

TEST_CASE("a page of presence may be empty") {
  const auto expected =
    R"({"type":"presence","roomId":"r","members":[],"total":0,"complete":true})";
  CHECK(payload_of(presence_page{encoding::v1_json}.frame({"", "r", 0, true}, nullptr))
        == expected);
  CHECK(as_json(presence_page{encoding::v1_msgpack}.frame({"", "r", 0, true}, nullptr))
        == expected);
}

// Pins §5.24.
TEST_CASE("a notice of changes ends at 64 KiB over all its lists, but has one user at least") {
  const std::string large = "{\"x\":\"" + std::string(20'000, 'x') + "\"}";
  for (auto to : {encoding::v1_json, encoding::v1_msgpack}) {
    presence_notice notice{to};
    CHECK(notice.add_joined("ann", {codec::json, large}));
    CHECK(notice.add_changed("bob", {codec::json, large}));
    CHECK(notice.add_left("cid", "left"));
    CHECK(notice.add_joined("dan", {codec::json, large}));
    CHECK_FALSE(notice.add_changed("eve", {codec::json, large}));
    CHECK(notice.add_left("eve", "left"));
    CHECK(notice.frame("r", 9, nullptr).size() < max_presence_bytes + 100);

    presence_notice single{to};
    CHECK(single.add_changed(
      "ann", {codec::json, "{\"x\":\"" + std::string(max_presence_bytes, 'x') + "\"}"}));
    CHECK_FALSE(single.add_left("bob", "left"));
  }
  CHECK_FALSE(presence_notice{encoding::plain_json}.frame("r", 1, nullptr));
}

// Pins §4.61.
TEST_CASE("a page of presence ends at 64 KiB, but has one user at least") {
  const std::string large = "{\"x\":\"" + std::string(20'000, 'x') + "\"}";
  for (auto to : {encoding::v1_json, encoding::v1_msgpack}) {
    presence_page page{to};
    int users = 0;
    while (page.add({"user", 1, {codec::json, large}}))
      ++users;
    const std::string huge = "{\"x\":\"" + std::string(max_presence_bytes, 'x') + "\"}";
    presence_page single{to};

    CHECK(users == 3);
    CHECK(page.frame({"", "r", 9, false}, nullptr).size() < max_presence_bytes + 100);
    CHECK(single.add({"user", 1, {codec::json, huge}}));
    CHECK_FALSE(single.add({"other", 1, {}}));
  }
}
