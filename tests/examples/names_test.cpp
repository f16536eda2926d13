#include "chat/names.hpp"
#include "chat/roster.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace troupe;
using namespace troupe::examples;

namespace {

std::optional<std::string> named(const char* text) { return std::optional<std::string>{text}; }

actors::member member_with(std::string profile) {
  actors::member m;
  m.user_id = "u1";
  m.profile = std::move(profile);
  return m;
}

std::string repeated(std::string_view text, int n) {
  std::string out;
  for (; n > 0; --n)
    out += text;
  return out;
}

} // namespace

// -- clean_name -----------------------------------------------------------------------------------

// Pins §17.8.
TEST_CASE("a name loses the white space at its ends and nothing else") {
  CHECK(clean_name("Kim") == named("Kim"));
  CHECK(clean_name(" \t\r\n Kim  Lee \n") == named("Kim  Lee"));
  CHECK(clean_name("\u3000\u00a0김철수\u00a0\u3000") == named("김철수"));
}

TEST_CASE("nothing but white space is no name") {
  for (auto text : {"", " ", "\t\n", "\u3000\u00a0 "})
    CHECK(clean_name(text) == std::nullopt);
}

// Pins §17.8.
TEST_CASE("a name has at most 32 characters, whatever their bytes") {
  for (auto character : {"x", "é", "김", "😀"}) {
    INFO(character);
    CHECK(clean_name(repeated(character, 32)) == repeated(character, 32));
    CHECK(clean_name(repeated(character, 33)) == std::nullopt);
    CHECK(clean_name("  " + repeated(character, 32) + "  ") == repeated(character, 32));
  }
}

// Pins §17.8.
TEST_CASE("control characters, bidi controls and broken UTF-8 make no name") {
  for (auto text : {"a\x01z", "a\nz", "a\x7fz", "a\x1b[31mz", "a\u202ez", "a\u2066z", "a\u0085z",
                    "\xff", "a\xed\xa0\x80", "김\xea\xb9"}) {
    INFO(text);
    CHECK(clean_name(text) == std::nullopt);
  }
  CHECK(clean_name(std::string_view{"a\0z", 3}) == std::nullopt);
}

// -- default_name ---------------------------------------------------------------------------------

TEST_CASE("a default name follows from the user's id") {
  CHECK(default_name("u1") == default_name("u1"));
  CHECK(default_name("u1") != default_name("u2"));
  CHECK(default_name("u1").size() == 8);
  CHECK(default_name("u1").starts_with("User"));
  CHECK(default_name("").size() == 8);
}

TEST_CASE("default names are names, and differ mostly") {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) {
    auto name = default_name(std::to_string(i));
    CHECK(clean_name(name) == name);
    all.insert(name);
  }

  CHECK(all.size() > 990);
}

// -- name_of --------------------------------------------------------------------------------------

TEST_CASE("a member is named by its profile, else by default") {
  CHECK(name_of(member_with(R"({"name":" Kim "})")) == named("Kim"));
  CHECK(name_of(member_with("")) == default_name("u1"));
  CHECK(name_of(member_with("{}")) == default_name("u1"));
  CHECK(name_of(member_with(R"({"color":"red"})")) == default_name("u1"));
}

// Pins §17.9.
TEST_CASE("a member with a token is named by it, unless its profile says otherwise") {
  auto named_by = [](std::string claimed, std::string profile = {}) {
    auto m = member_with(std::move(profile));
    actors::claims c;
    c.json = std::move(claimed);
    m.claims = std::make_shared<const actors::claims>(std::move(c));
    return name_of(m);
  };

  CHECK(named_by(R"({"sub":"u1","username":" Kim "})") == named("Kim"));
  CHECK(named_by(R"({"sub":"u1","name":"Lee"})") == named("Lee"));
  CHECK(named_by(R"({"username":"Kim","name":"Lee"})") == named("Kim"));
  CHECK(named_by(R"({"username":"","name":"Lee"})") == named("Lee"));
  CHECK(named_by(R"({"sub":"u1","preferred_username":"kim7"})") == named("kim7"));
  CHECK(named_by(R"({"sub":"u1","preferred_username":"kim7","name":"Kim Lee"})")
        == named("Kim Lee"));
  CHECK(named_by(
          R"({"sub":"u1","preferred_username":"kim7","name":"longer than thirty-two characters"})")
        == named("kim7"));
  CHECK(named_by(R"({"sub":"u1","preferred_username":"kim7"})", R"({"name":"Lee"})")
        == named("Lee"));
  CHECK(named_by(R"({"username":"Kim"})", R"({"color":"red"})") == named("Kim"));
  CHECK(named_by(R"({"username":"Kim"})", R"({"name":"Lee"})") == named("Lee"));
  for (auto nameless : {"{}", R"({"sub":"u1"})", R"({"username":7})", R"({"username":"a\u0007b"})",
                        R"({"name":null})"}) {
    INFO(nameless);
    CHECK(named_by(nameless) == default_name("u1"));
  }
}

TEST_CASE("a profile whose name is none is refused, not replaced") {
  for (auto profile : {R"({"name":""})", R"({"name":" "})", R"({"name":5})", R"({"name":null})",
                       R"({"name":["Kim"]})", R"({"name":"a\nz"})", R"({"name":"a\u0000z"})"}) {
    INFO(profile);
    CHECK(name_of(member_with(profile)) == std::nullopt);
  }
}

TEST_CASE("a MessagePack profile names as a JSON one does") {
  auto m = member_with({});
  m.encoding = protocol::encoding::v1_msgpack;
  protocol::transcode(protocol::codec::json, R"({"name":"김"})", protocol::codec::msgpack,
                      m.profile);

  CHECK(name_of(m) == named("김"));
}

// -- roster ---------------------------------------------------------------------------------------

TEST_CASE("a roster is a JSON list, whatever the names hold") {
  roster none, some;
  some.add("u1", "Kim");
  some.add(R"(a"b\c)", "line\nbreak\x1f");

  CHECK(none.json() == "[]");
  CHECK(some.size() == 2);
  CHECK(
    some.json()
    == R"([{"userId":"u1","username":"Kim"},{"userId":"a\"b\\c","username":"line\u000abreak\u001f"}])");
}
