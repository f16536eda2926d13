#include <troupe/protocol/stored_event.hpp>

#include <troupe/protocol/event.hpp>
#include <troupe/protocol/frame.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace troupe::protocol;

namespace {

/// The same events as a room makes them for each codec.
struct event {
  std::string name;
  shared_bytes json;
  shared_bytes msgpack;
};

template <class Make>
event made(std::string name, Make&& make) {
  return {std::move(name), make(encoding::v1_json), make(encoding::v1_msgpack)};
}

std::vector<event> events() {
  std::vector<event> all;
  for (std::string body : {R"("hi")", R"("ü\n\u0000")", R"({"a":[1,-1,2.5,-0.0,null,true]})",
                           R"({"$bin":"AAEC"})", R"([18446744073709551615,-9223372036854775808])"})
    all.push_back(made("message " + body, [&](encoding e) {
      message_event m{
        "r", "ann", 70'000, "2026-01-31T09:30:00.000Z", body_field::data, {codec::json, body}};
      return message_frame(e, m, nullptr);
    }));
  for (std::size_t size : {0u, 1u, 200u, 70'000u})
    all.push_back(made("binary of " + std::to_string(size), [&](encoding e) {
      return binary_frame(e, "r\"", "ann", 7, std::string(size, '\xff'), nullptr);
    }));
  all.push_back(made("binary of the room",
                     [](encoding e) { return binary_frame(e, "r", {}, 7, "abc", nullptr); }));
  all.push_back(made("an application's", [](encoding e) {
    const std::vector<field> fields{{"text", "x"}, {"n", 3}, {"bytes", binary_value{"\x01"}}};
    return application_frame(e, "chat", "r", 9, fields, nullptr);
  }));
  return all;
}

std::string value_of(codec to, const shared_bytes& event) {
  std::string out;
  append_event(to, event, out);
  return out;
}

} // namespace

TEST_CASE("the frames of a kept event are those that its room would have made") {
  for (auto& e : events()) {
    CAPTURE(e.name);
    CHECK(codec_of(e.json) == codec::json);
    CHECK(codec_of(e.msgpack) == codec::msgpack);
    CHECK(event_frames(codec::msgpack, e.json, nullptr).view() == e.msgpack.view());
    CHECK(event_frames(codec::json, e.msgpack, nullptr).view() == e.json.view());
  }
}

TEST_CASE("the frames of a kept event in its own codec are itself") {
  for (auto& e : events()) {
    CHECK(event_frames(codec::json, e.json, nullptr).same_buffer(e.json));
    CHECK(event_frames(codec::msgpack, e.msgpack, nullptr).same_buffer(e.msgpack));
  }
}

TEST_CASE("a kept event is the same map, whichever codec it is kept in") {
  for (auto& e : events()) {
    CAPTURE(e.name);
    CHECK(value_of(codec::json, e.json) == value_of(codec::json, e.msgpack));
    CHECK(value_of(codec::msgpack, e.json) == value_of(codec::msgpack, e.msgpack));
    CHECK(value_of(codec::msgpack, e.msgpack) == frame_payload(e.msgpack.view()));
  }
}

TEST_CASE("the bytes of a binary message are data in its map") {
  auto kept = binary_frame(encoding::v1_json, "r", "ann", 7, "\x01\x02", nullptr);

  CHECK(value_of(codec::json, kept)
        == R"({"type":"binary","roomId":"r","userId":"ann","seq":7,"data":{"$bin":"AQI="}})");
}

TEST_CASE("frames made of a kept event count against the meter") {
  memory_meter meter;
  auto kept = binary_frame(encoding::v1_json, "r", "ann", 7, std::string(1000, 'x'), nullptr);

  auto made = event_frames(codec::msgpack, kept, &meter);

  CHECK(meter.used_bytes() >= 1000);
  made = {};
  CHECK(meter.used_bytes() == 0);
}
