#include <troupe/protocol/history.hpp>

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/frame.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe::protocol;
using order = history_page::order;

namespace {

shared_bytes event_of(std::uint64_t n, std::size_t size = 0) {
  const std::string text(size, 'x');
  const std::vector<field> fields{{"text", text}};
  return application_frame(encoding::v1_json, "said", "r", n, fields, nullptr);
}

std::string as_json(encoding of, const shared_bytes& frame) {
  std::string json;
  transcode(codec_of(of), frame_payload(frame.view()), codec::json, json);
  return json;
}

} // namespace

// Pins §4.80.
TEST_CASE("a page of history is the same in both codecs, oldest first") {
  for (auto to : {encoding::v1_json, encoding::v1_msgpack})
    for (auto how : {order::oldest_first, order::newest_first}) {
      history_page page{to, how};
      auto first = how == order::oldest_first;
      REQUIRE(page.add(event_of(first ? 3 : 4)));
      REQUIRE(page.add(event_of(first ? 4 : 3)));
      auto ref = to == encoding::v1_json ? "7" : "\x07";

      CHECK(as_json(to, page.frame({ref, "r", "e", false, 2}, nullptr))
            == R"({"type":"history","ref":7,"roomId":"r","epoch":"e","messages":[)"
               R"({"type":"said","roomId":"r","seq":3,"text":""},)"
               R"({"type":"said","roomId":"r","seq":4,"text":""}],"complete":false,"dropped":2})");
    }
}

TEST_CASE("a page of history may be empty") {
  for (auto to : {encoding::v1_json, encoding::v1_msgpack, encoding::plain_json})
    CHECK(as_json(to, history_page{to, order::oldest_first}.frame({"", "r", "e"}, nullptr))
          == R"({"type":"history","roomId":"r","epoch":"e","messages":[],"complete":true})");
}

// Pins §4.82.
TEST_CASE("a page of history ends at 256 KiB, but has one event at least") {
  for (auto to : {encoding::v1_json, encoding::v1_msgpack}) {
    history_page page{to, order::oldest_first}, single{to, order::newest_first};
    std::uint64_t events = 0;
    while (page.add(event_of(events + 1, 50'000)))
      ++events;

    CHECK(events == 5);
    CHECK(page.frame({"", "r", "e"}, nullptr).size() < history_page::max_bytes + 100);
    CHECK(single.add(event_of(1, 2 * history_page::max_bytes)));
    CHECK_FALSE(single.add(event_of(2)));
  }
}
