#include <troupe/protocol/command.hpp>

#include <catch2/catch.hpp>

using namespace troupe::protocol;

namespace {

constexpr std::string_view message =
  R"({"type":"move","x":-3,"y":2.5,"big":18446744073709551615,"on":true,"nothing":null,)"
  R"("na\u006de":"a\nb","list":[1,{"x":9}],"map":{"x":{"y":1}},"bytes":{"$bin":"AAEC"},"last":7})";

/// The same document in each codec.
document_view view_in(codec source, std::string& storage) {
  storage.clear();
  transcode(codec::json, message, source, storage);
  return {source, storage};
}

} // namespace

TEST_CASE("a document shows the raw values of its fields") {
  const document_view view{codec::json, message};

  CHECK(view.raw("type") == R"("move")");
  CHECK(view.raw("list") == R"([1,{"x":9}])");
  CHECK(view.raw("map") == R"({"x":{"y":1}})");
  CHECK(view.raw("name") == R"("a\nb")");
  CHECK(view.raw("y") == "2.5");
  CHECK(view.raw("last") == "7");
  CHECK(view.raw("absent").empty());
}

TEST_CASE("a document reads its fields, whatever its codec") {
  for (auto source : {codec::json, codec::msgpack}) {
    std::string storage;
    const auto view = view_in(source, storage);

    CHECK(view.string("type") == "move");
    CHECK(view.string("name") == "a\nb");
    CHECK(view.integer("x") == -3);
    CHECK(view.number("x") == -3.0);
    CHECK(view.number("y") == 2.5);
    CHECK(view.number("big") == 18446744073709551616.0);
    CHECK(view.boolean("on") == true);
  }
}

TEST_CASE("a document has nothing where a field is of another type") {
  for (auto source : {codec::json, codec::msgpack}) {
    std::string storage;
    const auto view = view_in(source, storage);

    CHECK_FALSE(view.string("x"));
    CHECK_FALSE(view.string("map"));
    CHECK_FALSE(view.string("bytes"));
    CHECK_FALSE(view.string("nothing"));
    CHECK_FALSE(view.integer("y"));
    CHECK_FALSE(view.integer("big"));
    CHECK_FALSE(view.integer("type"));
    CHECK_FALSE(view.integer("list"));
    CHECK_FALSE(view.number("name"));
    CHECK_FALSE(view.number("nothing"));
    CHECK_FALSE(view.boolean("x"));
    CHECK_FALSE(view.boolean("absent"));
  }
}

TEST_CASE("what is no map has no fields") {
  for (std::string_view value : {"", "null", "7", R"("x")", R"(["x",{"x":1}])"})
    CHECK(document_view{codec::json, value}.raw("x").empty());
  for (std::string_view value : {"\xc0", "\xa1x", "\x92\xa1x\x81\xa1x\x01"})
    CHECK(document_view{codec::msgpack, value}.raw("x").empty());
}

TEST_CASE("a value is one whole document that a message could carry") {
  for (auto good : {"1", " 1 ", "\"a\"", "null", "[1,{\"a\":[]}]", R"({"$bin":"AAEC"})"})
    CHECK(is_value(codec::json, good));
  for (auto bad : {"", " ", "1,2", "{\"a\":1", "undefined", "NaN", "01", "'a'", "\"\n\"",
                   "\"\xff\"", R"({"$bin":"?"})"})
    CHECK_FALSE(is_value(codec::json, bad));
  CHECK(is_value(codec::msgpack, "\x92\x01\xc0"));
  for (auto bad : {"", "\x92\x01", "\x01\x02", "\xc1", "\xa1\xff", "\x81\x01\x02"})
    CHECK_FALSE(is_value(codec::msgpack, bad));
}

TEST_CASE("an application's type is nobody's built-in one") {
  for (auto good : {"move", "$later", "Message", "방"})
    CHECK(is_application_type(good));
  for (auto bad : {"",           "message",    "join",      "auth",   "welcome", "joined",
                   "left",       "userJoined", "userLeft",  "ack",    "pong",    "error",
                   "roomClosed", "goodbye",    "binary",    "resume", "resumed", "$reply",
                   "$request",   "$reserve",   "$reserved", "a\nb"})
    CHECK_FALSE(is_application_type(bad));
}
