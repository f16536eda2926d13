#include "vectors.hpp"

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/reserve.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <catch2/catch.hpp>

#include <map>

using namespace troupe;
using namespace troupe::protocol;

namespace {

const std::map<std::string, command_kind> kinds = {
  {"join", command_kind::join},         {"leave", command_kind::leave},
  {"message", command_kind::message},   {"direct", command_kind::direct},
  {"presence", command_kind::presence}, {"history", command_kind::history},
  {"resume", command_kind::resume},     {"auth", command_kind::auth},
  {"ping", command_kind::ping},         {"binary", command_kind::binary},
  {"$profile", command_kind::profile},  {"$reply", command_kind::reply},
  {"$reserve", command_kind::reserve},  {"application", command_kind::application}};

const std::map<std::string, delivery> deliveries = {{"reliable", delivery::reliable},
                                                    {"volatile", delivery::volatile_},
                                                    {"latest", delivery::latest}};

/// A raw value as JSON; nothing if it is absent.
std::optional<std::string> as_json(codec source, std::string_view raw) {
  if (raw.empty())
    return std::nullopt;
  std::string out;
  transcode(source, raw, codec::json, out);
  return out;
}

/// The value that a vector expects of a field, as JSON.
std::optional<std::string> expected(simdjson::dom::object row, std::string_view key) {
  simdjson::dom::element value;
  if (row[key].get(value) != simdjson::SUCCESS)
    return std::nullopt;
  return simdjson::minify(value);
}

/// The message of a row in each codec that the row has.
std::vector<std::pair<codec, std::string>> messages_of(simdjson::dom::object row) {
  std::vector<std::pair<codec, std::string>> out;
  if (const auto json = test::text(row, "json"))
    out.emplace_back(codec::json, *json);
  if (const auto msgpack = test::bytes(row, "msgpack"))
    out.emplace_back(codec::msgpack, *msgpack);
  return out;
}

/// Positions as the vectors write them.
std::string as_text(const std::vector<room_position>& rooms) {
  const auto quoted = [](const std::string& text) {
    std::string packed, json;
    packed.append("\xd9").append(1, static_cast<char>(text.size())).append(text);
    transcode(codec::msgpack, packed, codec::json, json);
    return json;
  };
  std::string all;
  for (const auto& room : rooms) {
    all.append(all.empty() ? "" : ",").append(R"({"roomId":)").append(quoted(room.room_id));
    all.append(R"(,"epoch":)").append(quoted(room.epoch));
    all.append(R"(,"seq":)").append(std::to_string(room.seq)).append("}");
  }
  return '[' + all + ']';
}

/// A filter as the vectors write it.
std::string as_text(const metadata_filter& filter) {
  constexpr std::string_view names[] = {"eq", "at_least", "at_most"};
  std::string all;
  for (const auto& term : filter) {
    std::vector<field> fields{{"name", term.name}, {"op", names[static_cast<int>(term.how)]}};
    fields.emplace_back("value", false);
    fields.back().val = term.value.view();
    all += (all.empty() ? "" : ",") + encode_map(codec::json, fields);
  }
  return '[' + all + ']';
}

void check_reserve(const command& read, simdjson::dom::object want) {
  const auto wish = seat_wish_of(read);
  CHECK(wish.pattern == test::text(want, "pattern"));
  CHECK(as_text(wish.filter) == expected(want, "filter").value_or("[]"));
  CHECK(encode_map(codec::json, wish.wanted.fields()) == expected(want, "metadata").value_or("{}"));
}

void check_command(const command& read, simdjson::dom::object want) {
  CHECK(read.kind == kinds.at(test::text(want, "kind").value()));
  CHECK(read.room_id == test::text(want, "roomId"));
  CHECK(as_json(read.source, read.ref)
        == (expected(want, "ref") ? as_json(read.source, read.ref) : std::nullopt));
  CHECK(as_json(read.source, read.ref).has_value() == expected(want, "ref").has_value());
  CHECK(as_json(read.source, read.profile) == expected(want, "profile"));
  if (const auto body = expected(want, "body"); body && read.source == codec::msgpack)
    CHECK(as_json(read.source, read.body) == body);
  CHECK(read.echo == !expected(want, "echo").has_value());
  CHECK(read.has_since == expected(want, "since").has_value());
  const document_view fields{read.source, read.bytes};
  if (const auto after = test::text(want, "after"))
    CHECK(fields.string("after") == after);
  if (const auto limit = expected(want, "limit"))
    CHECK(std::to_string(fields.integer("limit").value_or(0)) == limit);
  CHECK(as_text(resume_rooms(read)) == expected(want, "rooms").value_or("[]"));
  if (read.kind == command_kind::reserve)
    check_reserve(read, want);
  const auto field = test::text(want, "field");
  CHECK(read.field
        == (!field             ? body_field::none
            : *field == "text" ? body_field::text
                               : body_field::data));
  auto named = test::text(want, "delivery");
  CHECK(read.mode == (named ? std::optional{deliveries.at(*named)} : std::nullopt));
}

template <class Changes>
errc code_with(std::string_view message, Changes&& change) {
  message_limits limits;
  change(limits);
  const auto decoded = decode(codec::json, message, limits);
  return decoded ? errc::ok : decoded.error().code;
}

} // namespace

TEST_CASE("valid messages are read as the vectors say") {
  const test::vector_file file{"valid_messages.json"};
  for (auto row : file.rows("messages"))
    for (const auto& [source, message] : messages_of(row)) {
      INFO(test::text(row, "name").value() << ", codec " << static_cast<int>(source));
      const auto decoded = decode(source, message, {});

      REQUIRE(decoded);
      CHECK(decoded->bytes == message);
      check_command(*decoded, simdjson::dom::object{row["expect"]});
    }
}

// Pins §3.12, §8.20.
TEST_CASE("a ref goes back as it came") {
  const auto json = decode(codec::json, R"({"ref":"\u0061b","type":"ping"})", {});
  const auto msgpack =
    decode(codec::msgpack, std::string_view{"\x82\xa3ref\xcd\x00\x07\xa4type\xa4ping", 18}, {});

  REQUIRE(json);
  REQUIRE(msgpack);
  CHECK(json->ref == R"("\u0061b")");
  CHECK(msgpack->ref == std::string_view{"\xcd\x00\x07", 3});
}

// Pins §3.16, §12.8.
TEST_CASE("refused messages are answered as the vectors say") {
  const test::vector_file file{"rejected.json"};
  for (auto row : file.rows("messages"))
    for (const auto& [source, message] : messages_of(row)) {
      INFO(test::text(row, "name").value() << ", codec " << static_cast<int>(source));
      const auto decoded = decode(source, message, {});

      REQUIRE_FALSE(decoded);
      const auto& failure = decoded.error();
      CHECK(to_string(failure.code) == test::text(row, "code").value());
      CHECK(as_json(source, failure.ref) == expected(row, "ref"));
      CHECK(failure.request == test::text(row, "request").value_or(""));
      CHECK(failure.room_id == test::text(row, "roomId"));
      CHECK_FALSE(failure.detail.empty());
      if (const auto path = test::text(row, "path"))
        CHECK(failure.detail.substr(0, failure.detail.find(": ")) == *path);
    }
}

// Pins §16.2.
TEST_CASE("the limits of a message are settings") {
  constexpr std::string_view message = R"({"type":"abc","ref":"1234","a":[[1]]})";

  CHECK(code_with(message, [](auto&) {}) == errc::ok);
  CHECK(code_with(message, [&](auto& l) { l.max_message_bytes = message.size(); }) == errc::ok);
  CHECK(code_with(message, [&](auto& l) { l.max_message_bytes = message.size() - 1; })
        == errc::too_big);
  CHECK(code_with(message, [](auto& l) { l.max_message_bytes = 0; }) == errc::ok);
  CHECK(code_with(message, [](auto& l) { l.max_depth = 3; }) == errc::ok);
  CHECK(code_with(message, [](auto& l) { l.max_depth = 2; }) == errc::malformed);
  CHECK(code_with(message, [](auto& l) { l.max_ref_bytes = 3; }) == errc::bad_request);
  CHECK(code_with(message, [](auto& l) { l.max_type_bytes = 2; }) == errc::bad_request);
}

// Pins §4.7.
TEST_CASE("a profile is at most as large as the limit, as it came") {
  const auto join = [](std::size_t profile_bytes) {
    return R"({"type":"join","roomId":"r","ref":1,"profile":{"x":")"
         + std::string(profile_bytes - 8, 'x') + "\"}}";
  };
  const auto too_large = join(4097);
  const auto refused = decode(codec::json, too_large, {}); // the result's views point into it

  CHECK(code_with(join(4096), [](auto&) {}) == errc::ok);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::bad_request);
  CHECK(refused.error().detail.find("profile") != std::string::npos);
  CHECK(refused.error().ref == "1");
  CHECK(refused.error().room_id == "r");
  CHECK(code_with(join(101), [](auto& l) { l.max_profile_bytes = 100; }) == errc::bad_request);
  CHECK(code_with(join(50'000), [](auto& l) { l.max_profile_bytes = 0; }) == errc::ok);
}

// Pins §4.7.
TEST_CASE("a profile in MessagePack has the same limit") {
  const auto join = [](std::size_t bytes) {
    // A map of one pair: a key of one character, and an array of `false`.
    auto count = static_cast<std::uint16_t>(bytes - 6);
    std::string message = "\x83\xa4type\xa4join\xa6roomId\xa1r\xa7profile\x81\xa1x\xdc";
    message += static_cast<char>(count >> 8);
    message += static_cast<char>(count & 0xff);
    return message + std::string(count, '\xc2');
  };

  CHECK(bool(decode(codec::msgpack, join(4096), {})));
  const auto refused = decode(codec::msgpack, join(4097), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::bad_request);
}

/// Pins that a frame of the largest message that any limit allows fits a buffer.
TEST_CASE("no limit of a message is beyond what a frame can hold in the other codec") {
  constexpr std::size_t envelope = 4 * 1024;
  message_limits lifted{.max_message_bytes = 0}, huge{.max_message_bytes = ~std::size_t{0}}, usual;

  CHECK(usual.largest_message() == 64 * 1024);
  CHECK(lifted.largest_message() == max_supported_message_bytes);
  CHECK(huge.largest_message() == max_supported_message_bytes);
  CHECK(7 * max_supported_message_bytes + envelope <= shared_bytes::max_bytes);
}

TEST_CASE("a depth beyond the largest supported one counts as that") {
  const auto nested = [](std::size_t depth) {
    return R"({"type":"x","a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  const auto lift = [](auto& l) { l.max_depth = 1'000'000; };

  CHECK(code_with(nested(max_supported_depth), lift) == errc::ok);
  CHECK(code_with(nested(max_supported_depth + 1), lift) == errc::malformed);
}

// Pins §8.2.
TEST_CASE("the path in a refusal is short and text") {
  const auto long_key =
    R"({"type":"x","a":{")" + std::string(5000, 'k') + R"(":{"é":{"__proto__":1}}}})";
  const auto decoded = decode(codec::json, long_key, {});

  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == errc::bad_payload);
  CHECK(decoded.error().detail.size() < 260);
  CHECK(decoded.error().detail.starts_with("/a/kkk"));
}

TEST_CASE("a large array of a declared count is refused before it is read") {
  std::string message = "\x82\xa4type\xa1x\xa1"
                        "a";
  message += std::string{"\xdd\x00\xff\xff\xff", 5};
  const auto decoded = decode(codec::msgpack, message + std::string(1000, '\0'), {});

  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == errc::undecodable);
}

TEST_CASE("a message of very many fields is checked for doubled ones") {
  std::string message = R"({"type":"x")";
  for (int i = 0; i < 5000; ++i)
    message += ",\"f" + std::to_string(i) + "\":0";

  CHECK(code_with(message + "}", [](auto&) {}) == errc::ok);
  CHECK(code_with(message + R"(,"f4999":0})", [](auto&) {}) == errc::bad_request);
}

TEST_CASE("what is wrong with a reply is told in a sentence about the field") {
  const auto detail = [](std::string_view message) {
    const auto decoded = decode(codec::json, message, {});
    return decoded ? std::string{} : decoded.error().detail;
  };

  CHECK(detail(R"({"type":"$reply","data":1})") == "requestId is a string");
  CHECK(detail(R"({"type":"$reply","requestId":"1"})") == "data is missing");
  CHECK(detail(R"({"type":"$reply","requestId":"1","data":1,"roomId":1})") == "roomId is a string");
}

// Pins §4.182, §16.92.
TEST_CASE("what is wrong with a wish for a seat is told in a sentence about the field") {
  const auto detail = [](const std::string& fields) {
    const auto decoded =
      decode(codec::json, R"({"type":"$reserve","pattern":"a:*",)" + fields + '}', {});
    return decoded ? std::string{} : decoded.error().detail;
  };
  const auto filter_of = [](int count) {
    std::string all;
    for (int i = 0; i < count; ++i)
      all += std::string{i > 0 ? "," : ""} + R"({"name":"a","value":1})";
    return R"("filter":[)" + all + ']';
  };
  const auto metadata_of = [](std::size_t bytes) {
    return R"("metadata":{"a":")" + std::string(bytes - 1, 'x') + "\"}";
  };

  CHECK(detail(R"("pattern":1)") == "a field is there twice");
  CHECK(detail(R"("filter":1)").starts_with("filter is a list of at most 16 {name: a string"));
  CHECK(detail(filter_of(16)).empty());
  CHECK(detail(filter_of(17)).starts_with("filter is a list of at most 16"));
  CHECK(detail(R"("filter":[{"name":"","value":1}])")
        == "filter has a name that no field can have");
  CHECK(detail(R"("filter":[{"name":"a","op":"at_most","value":true}])")
        == "filter compares at_least and at_most with numbers only");
  CHECK(detail(R"("metadata":{"a":1,"a":2})").starts_with("metadata is a map of texts"));
  CHECK(detail(metadata_of(4096)).empty());
  CHECK(detail(metadata_of(4097)).starts_with("metadata is a map of texts"));
  CHECK(detail(R"("filter":[{"name":"b","value":1}],)" + metadata_of(4096))
        == "a room that is made for this has metadata that fit filter, of at most 4 KiB");
}

TEST_CASE("only a resume names rooms to resume") {
  constexpr std::string_view rooms = R"("rooms":[{"roomId":"a","epoch":"e","seq":1}]})";
  const auto resume = std::string{R"({"type":"resume","resume":"s",)"}.append(rooms);
  const auto move = std::string{R"({"type":"move",)"}.append(rooms);
  const auto ping = decode(codec::json, R"({"type":"ping","rooms":"none"})", {});
  const auto resumed = decode(codec::json, resume, {}), moved = decode(codec::json, move, {});

  REQUIRE(ping);
  REQUIRE(resumed);
  REQUIRE(moved);
  CHECK(resume_rooms(*resumed).size() == 1);
  CHECK(resume_rooms(*moved).empty());
  CHECK(resume_rooms(*ping).empty());
}

TEST_CASE("what is wrong with a resume is told in a sentence about the field") {
  const auto detail = [](std::string_view message) {
    const auto decoded = decode(codec::json, message, {});
    return decoded ? std::string{} : decoded.error().detail;
  };

  CHECK(detail(R"({"type":"resume"})") == "resume is a string");
  CHECK(detail(R"({"type":"resume","resume":"s","rooms":[1]})")
        == "rooms is a list of {roomId: a string, epoch: a string, seq: an unsigned integer}");
  CHECK(detail(R"({"type":"resume","resume":"s","rooms":[{"roomId":"a","epoch":"e","seq":1},)"
               R"({"roomId":"a","epoch":"e","seq":1}]})")
        == "rooms names each room once");
}

/// Pins that doubled names are found without comparing each room with each other.
TEST_CASE("a resume of very many rooms is checked for doubled ones") {
  constexpr int many = 200'000;
  const auto lift = [](auto& l) { l.max_message_bytes = 0; };
  std::string message = R"({"type":"resume","resume":"s","rooms":[)";
  const auto room = [](int i) {
    return R"({"roomId":"r)" + std::to_string(i) + R"(","epoch":"e","seq":1})";
  };
  for (int i = 0; i < many; ++i)
    message.append(room(i)).append(",");

  CHECK(code_with(message + room(many) + "]}", lift) == errc::ok);
  CHECK(code_with(message + room(0) + "]}", lift) == errc::bad_request);
}
