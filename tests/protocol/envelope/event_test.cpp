#include "vectors.hpp"

#include <troupe/protocol/event.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/presence.hpp>
#include <troupe/protocol/reserve.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <functional>
#include <map>

using namespace troupe;
using namespace troupe::protocol;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

using maker = std::function<shared_bytes(encoding)>;

constexpr auto at = "2026-01-31T09:30:00.000Z"sv;
constexpr auto secret = "Zm9yLXRlc3RzLW9ubHktbm90LWEtc2VjcmV0LTAxMjM0"sv;
constexpr auto next_secret = "Zm9yLXRlc3RzLW9ubHktbm90LWEtc2VjcmV0LTU2Nzg5"sv;
constexpr auto bytes_of_three = "\x00\x01\xff"sv;

/// `ref` as the receiver's codec writes it.
std::string_view ref_in(encoding to, std::string_view json, std::string_view msgpack) {
  return codec_of(to) == codec::json ? json : msgpack;
}

maker message(std::string_view room, std::string_view user, std::uint64_t seq, body_field field,
              std::string_view json) {
  return [=](encoding to) {
    return message_frame(to, {room, user, seq, at, field, {codec::json, json}}, nullptr);
  };
}

/// The functions that make each event of the vectors.
std::map<std::string, maker> makers() {
  static const std::array<std::string, 2> names{"a", "b"};
  static const std::array score{
    field{"userCount", 3}, field{"rate", 0.5},
    field{"on", true},     field{"big", std::uint64_t{18446744073709551615u}},
    field{"low", -5},      field{"names", string_list{names}}};
  static const std::array question{field{"question", "agree?"}, field{"", "skipped"},
                                   field{"seconds", 5}, field{"type", "vote"}};
  static const std::array system{field{"message", "User1님이 입장했습니다."}, field{"", "skipped"},
                                 field{"none", raw_value{codec::json, {}}}};
  static const std::array forged{field{"type", "x"}, field{"roomId", "forged"}, field{"seq", 99},
                                 field{"x", 1}};
  return {
    {"message", message("lobby", "u1", 7, body_field::text, R"("hello")")},
    {"message with data",
     message("lobby", "u1", 8, body_field::data, R"({"x":[1,2.5,null,true]})")},
    {"message with bytes in its data",
     message("lobby", "u1", 9007199254740991, body_field::data, R"([{"$bin":"AAEC"}])")},
    {"message with names to escape", message("a\"b\\c", "앤\n", 0, body_field::text, R"("\"😀\"")")},
    {"joined",
     [](encoding to) {
       return joined_frame(to, {"lobby", "u1", "e1", 41, {}, {}}, nullptr);
     }},
    {"joined in answer",
     [](encoding to) {
       return joined_frame(to, {"lobby", "u1", "e1", 41, false, ref_in(to, "\"j1\"", "\xa2j1")},
                           nullptr);
     }},
    {"joined with members",
     [](encoding to) {
       joined_event event{"lobby", "u1", "e1", 41, {}, {}};
       presence_page page{to};
       page.add({"u1", 2, {codec::json, {}}});
       page.add({"u2", 1, {codec::json, R"({"name":"Ann"})"}});
       auto members = page.list();
       event.members = members;
       event.total = 120;
       return joined_frame(to, event, nullptr);
     }},
    {"left", [](encoding to) { return left_frame(to, "lobby", 42, {}, {}, {}, nullptr); }},
    {"left in answer",
     [](encoding to) {
       return left_frame(to, "lobby", 42, {}, {}, ref_in(to, "3", "\x03"), nullptr);
     }},
    {"kicked",
     [](encoding to) { return left_frame(to, "lobby", 42, "kicked", "be nice", {}, nullptr); }},
    {"put out by a fresh token",
     [](encoding to) { return left_frame(to, "lobby", 42, "forbidden", {}, {}, nullptr); }},
    {"userJoined",
     [](encoding to) {
       return user_joined_frame(to, "lobby", "u2", {codec::json, {}}, nullptr);
     }},
    {"userJoined with a profile",
     [](encoding to) {
       return user_joined_frame(to, "lobby", "u2",
                                {codec::msgpack, "\x81\xa4name\xa3"
                                                 "Ann"},
                                nullptr);
     }},
    {"userLeft", [](encoding to) { return user_left_frame(to, "lobby", "u2", "left", nullptr); }},
    {"userLeft, put out by a fresh token",
     [](encoding to) { return user_left_frame(to, "lobby", "u2", "forbidden", nullptr); }},
    {"$profile",
     [](encoding to) {
       return profile_frame(to, "lobby", "u2", {codec::json, R"({"name":"Ann"})"}, nullptr);
     }},
    {"$profile of one who has none any more",
     [](encoding to) {
       return profile_frame(to, "lobby", "u2", {codec::json, {}}, nullptr);
     }},
    {"$presence",
     [](encoding to) {
       presence_notice notice{to};
       notice.add_joined("u2", {codec::json, R"({"name":"Ann"})"});
       notice.add_joined("u3", {codec::json, {}});
       notice.add_left("u4", "disconnected");
       notice.add_changed("u5", {codec::msgpack, "\x80"});
       return notice.frame("lobby", 612, nullptr);
     }},
    {"$request",
     [](encoding to) {
       const auto data = encode_map(codec::json, question);
       return request_frame(to, "arena:1", "7", {codec::json, data}, nullptr);
     }},
    {"$request with nothing to say",
     [](encoding to) {
       const auto data = encode_map(codec_of(to), {});
       return request_frame(to, "a\"b", "8", {codec_of(to), data}, nullptr);
     }},
    {"application",
     [](encoding to) { return application_frame(to, "score", "arena:1", 5, score, nullptr); }},
    {"application, not stored",
     [](encoding to) { return application_frame(to, "system", "chat", {}, system, nullptr); }},
    {"application cannot override",
     [](encoding to) { return application_frame(to, "move", "arena:1", 6, forged, nullptr); }},
    {"roomClosed", [](encoding to) { return room_closed_frame(to, "lobby", "crashed", nullptr); }},
    {"$reserved",
     [](encoding to) {
       return reserved_frame(to, {ref_in(to, "\"q\"", "\xa1q"), "arena:x1", 15s, true}, nullptr);
     }},
    {"$reserved without ref",
     [](encoding to) {
       return reserved_frame(to, {{}, "arena:x1", 15s, false}, nullptr);
     }},
    {"ack",
     [](encoding to) {
       return ack_frame(to, ref_in(to, "\"m1\"", "\xa2m1"), "lobby", 7, nullptr);
     }},
    {"ack without position",
     [](encoding to) { return ack_frame(to, ref_in(to, "12", "\x0c"), {}, {}, nullptr); }},
    {"error",
     [](encoding to) {
       return error_frame(
         to, {errc::not_joined, {}, ref_in(to, "\"r1\"", "\xa2r1"), "message", "lobby", {}},
         nullptr);
     }},
    {"error without context",
     [](encoding to) {
       return error_frame(to, {errc::malformed, "not one JSON document", {}, {}, {}, {}}, nullptr);
     }},
    {"error with a time",
     [](encoding to) {
       return error_frame(to, {errc::rate_limited, {}, {}, "message", {}, 250ms}, nullptr);
     }},
    {"welcome",
     [](encoding to) {
       return welcome_frame(to, {"u1", "c1", {}, 0ms, 25s, {65536, 128, 100, 200}}, nullptr);
     }},
    {"welcome without limits",
     [](encoding to) {
       return welcome_frame(to, {"u1", "c1", {}, 0ms, 30s, {0, 0, 0.5, 0}}, nullptr);
     }},
    {"welcome with a session",
     [](encoding to) {
       return welcome_frame(to, {"u1", "c1", secret, 30s, 25s, {65536, 128, 100, 200}}, nullptr);
     }},
    {"resumed",
     [](encoding to) {
       static constexpr resumed_room rooms[] = {{"lobby", "e1", 41, true}, {"방", "e2", 0, false}};
       return resumed_frame(to, {{}, "u1", "c1", rooms, {}, next_secret}, nullptr);
     }},
    {"resumed with lost rooms",
     [](encoding to) {
       static constexpr lost_room lost[] = {{"a\"b", errc::room_full}, {"c", errc::not_joined}};
       auto ref = ref_in(to, "3", "\x03");
       return resumed_frame(to, {ref, "u1", "c1", {}, lost, next_secret}, nullptr);
     }},
    {"resumed with directs",
     [](encoding to) {
       return resumed_frame(to, {{}, "u1", "c1", {}, {}, next_secret, resumed_directs{300, true}},
                            nullptr);
     }},
    {"direct",
     [](encoding to) {
       return direct_frame(to, {"u1", 7, at, body_field::text, {codec::json, R"("psst")"}},
                           nullptr);
     }},
    {"direct of the server",
     [](encoding to) {
       return direct_frame(to, {{}, 1, at, body_field::data, {codec::json, R"({"gold":5})"}},
                           nullptr);
     }},
    {"pong", [](encoding to) { return pong_frame(to, ref_in(to, "1", "\x01"), at, nullptr); }},
    {"pong without ref", [](encoding to) { return pong_frame(to, {}, at, nullptr); }},
    {"goodbye",
     [](encoding to) {
       return goodbye_frame(to, "restart", std::pair{500ms, 5000ms}, nullptr);
     }},
    {"goodbye for good", [](encoding to) { return goodbye_frame(to, "shutdown", {}, nullptr); }},
    {"binary",
     [](encoding to) { return binary_frame(to, "lobby", "u1", 9, bytes_of_three, nullptr); }},
    {"binary of the room to one member",
     [](encoding to) {
       return binary_frame(to, "lobby", {}, std::nullopt, bytes_of_three, nullptr);
     }},
  };
}

/// The frames that a client must get; empty if none.
std::string expected_frames(simdjson::dom::object row, encoding to) {
  if (to == encoding::v1_msgpack) {
    const auto payload = test::bytes(row, "msgpack");
    return payload ? std::string{make_frame(opcode::binary, *payload).view()} : std::string{};
  }
  const auto payload = test::text(row, to == encoding::plain_json ? "plain" : "json");
  if (!payload)
    return {};
  std::string frames{make_frame(opcode::text, *payload).view()};
  if (const auto binary = test::bytes(row, "jsonFrame"))
    frames += make_frame(opcode::binary, *binary).view();
  return frames;
}

} // namespace

// Pins §3.2, §5.1.
TEST_CASE("events are encoded as the vectors say") {
  const auto known = makers();
  const auto rows = test::vector_file{"events.json"};

  CHECK(rows.rows("events").size() == known.size());
  for (auto row : rows.rows("events"))
    for (auto to : {encoding::v1_json, encoding::v1_msgpack, encoding::plain_json}) {
      const auto name = test::text(row, "name").value();
      INFO(name << ", encoding " << index_of(to));
      CHECK(test::to_base64(known.at(name)(to).view())
            == test::to_base64(expected_frames(row, to)));
    }
}

// Pins §7.8.
TEST_CASE("bytes that are none are announced and followed by a frame all the same") {
  for (auto to : {encoding::v1_json, encoding::plain_json}) {
    auto announced =
      make_frame(opcode::text, R"({"type":"binary","roomId":"r","userId":"u","seq":9,"bytes":0})");
    auto empty = make_frame(opcode::binary, "");

    CHECK(binary_frame(to, "r", "u", 9, "", nullptr).view()
          == std::string{announced.view()} + std::string{empty.view()});
  }
}

// Pins §2.7.
TEST_CASE(
  "a frame is at most seven times the largest message and 4 KiB, whatever grows in its codec") {
  constexpr std::size_t largest = 64 * 1024;
  auto name = std::string(128, '"'); // a codec may have to escape it
  auto repeated = [](std::string_view value, std::size_t times) {
    std::string all{"\xdd"}; // an array
    for (int shift = 24; shift >= 0; shift -= 8)
      all += static_cast<char>(times >> shift);
    for (; times > 0; --times)
      all += value;
    return all;
  };
  for (auto value : {"\xc2"sv, "\xc0"sv, "\xc4\x00"sv, "\xca\x80\x80\x00\x00"sv, "\xa1\x01"sv,
                     "\x81\xa0\xc2"sv}) {
    auto body = repeated(value, (largest - 5) / value.size());
    auto frame = message_frame(
      encoding::v1_json, {name, name, 1, at, body_field::data, {codec::msgpack, body}}, nullptr);

    CHECK(frame.size() <= 7 * largest + 4 * 1024);
  }
  auto controls = std::string{"\xda\xff\xfc", 3} + std::string(largest - 4, '\x01');
  CHECK(message_frame(encoding::v1_json,
                      {name, name, 1, at, body_field::text, {codec::msgpack, controls}}, nullptr)
          .size()
        <= 7 * largest + 4 * 1024);
}

TEST_CASE("a resumed session may be in more rooms than one byte counts") {
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i)
    names.push_back("room " + std::to_string(i));
  std::vector<resumed_room> rooms;
  for (const auto& name : names)
    rooms.push_back({name, "e", 1, true});
  const auto frame = resumed_frame(encoding::v1_msgpack, {{}, "u", "c", rooms, {}, "s"}, nullptr);
  const auto bytes = frame.view();
  const document_view view{codec::msgpack, bytes.substr(bytes.find('\x86'))};

  CHECK(view.raw("rooms").starts_with("\xdc\x01\x2c"));
  CHECK(view.raw("rooms").find("room 299") != std::string_view::npos);
  CHECK(is_value(codec::msgpack, view.bytes()));
  CHECK(view.string("resume") == "s");
}

TEST_CASE("an event is one allocation, counted against its meter") {
  memory_meter meter;
  {
    const auto frame = message_frame(
      encoding::v1_json, {"r", "u", 1, at, body_field::text, {codec::json, "\"x\""}}, &meter);

    CHECK(meter.used_bytes() >= static_cast<std::int64_t>(frame.size()));
    CHECK(meter.used_bytes() <= static_cast<std::int64_t>(frame.size() + 64));
  }
  CHECK(meter.used_bytes() == 0);
}

TEST_CASE("a long message gets the longer frame header") {
  const auto body = '"' + std::string(70000, 'x') + '"';
  const auto frame = message_frame(
    encoding::v1_json, {"r", "u", 1, at, body_field::text, {codec::json, body}}, nullptr);

  CHECK(frame_length(frame.view()) == frame.size());
  CHECK(static_cast<unsigned char>(frame.data()[1]) == 127);
}

TEST_CASE("text of the server that is no UTF-8 is repaired") {
  const std::array bad{field{"a", "x\xffy"}, field{"\xc3", 1}};

  CHECK(encode_frame(codec::json, "t", bad, nullptr).view().substr(2)
        == "{\"type\":\"t\",\"a\":\"x\xef\xbf\xbdy\",\"\xef\xbf\xbd\":1}");
  CHECK(encode_frame(codec::msgpack, "t", bad, nullptr).view().substr(2)
        == "\x83\xa4type\xa1t\xa1"
           "a\xa5x\xef\xbf\xbdy\xa3\xef\xbf\xbd\x01");
}

TEST_CASE("what a text ends in is quoted as it should be, whatever its length") {
  static constexpr std::pair<std::string_view, std::string_view> ends[] = {
    {"", ""},
    {"x", "x"},
    {"\"", "\\\""},
    {"\\", "\\\\"},
    {"\n", "\\n"},
    {"\x1f", "\\u001f"},
    {"\x7f", "\x7f"},
    {"\xc2\x80", "\xc2\x80"},
    {"\xea\xb0\x80", "\xea\xb0\x80"},
    {"\xff", "\xef\xbf\xbd"}};
  for (std::size_t n = 0; n <= 40; ++n)
    for (auto [end, quoted] : ends) {
      const auto begin = std::string(n, 'a');
      const auto text = begin + std::string{end};
      const std::array fields{field{"a", text}};

      CHECK(encode_frame(codec::json, "t", fields, nullptr).view().substr(2)
            == R"({"type":"t","a":")" + begin + std::string{quoted} + R"("})");
    }
}

TEST_CASE("a number of the server that is not finite becomes null") {
  const std::array bad{field{"a", std::numeric_limits<double>::quiet_NaN()}};

  CHECK(encode_frame(codec::json, "t", bad, nullptr).view().substr(2)
        == R"({"type":"t","a":null})");
  CHECK(encode_frame(codec::msgpack, "t", bad, nullptr).view().substr(2)
        == "\x82\xa4type\xa1t\xa1"
           "a\xc0");
}

// Pins §5.6.
TEST_CASE("an instant is written as ISO 8601 in UTC with milliseconds") {
  CHECK(iso_8601(wall_time{0ms}) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_8601(wall_time{1769851800007ms}) == "2026-01-31T09:30:00.007Z");
  CHECK(iso_8601(wall_time{951782399999ms}) == "2000-02-28T23:59:59.999Z");
  CHECK(iso_8601(wall_time{-1ms}) == "1969-12-31T23:59:59.999Z");
}
