#include <troupe/protocol/value_view.hpp>

#include <troupe/protocol/command.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe::protocol;

namespace {

constexpr auto codecs = {codec::json, codec::msgpack};

constexpr std::string_view message =
  R"( { "type":"move", "at" : {"x":1.5,"y":-2, "na\u006de":"a\nb", "deep":{"x":{"x":9}}} ,)"
  R"("list":[1, "two", null,true,[],{ },{"$bin":"AAEC"},{"x":3} , [[4]] ],"empty":[ ],"none":{},)"
  R"("big":18446744073709551615,"bytes":{"$bin":"AAEC"},"null":null} )";

const std::string three_bytes("\x00\x01\x02", 3);

std::string in_codec(codec to, std::string_view json) {
  std::string out;
  transcode(codec::json, json, to, out);
  return out;
}

} // namespace

TEST_CASE("a map within a message reads its fields, whatever the codec") {
  for (auto source : codecs) {
    const auto bytes = in_codec(source, message);
    const document_view whole{source, bytes};
    auto at = whole.object("at");

    REQUIRE(at);
    CHECK(at.number("x") == 1.5);
    CHECK(at.integer("y") == -2);
    CHECK(at.number("y") == -2.0);
    CHECK(at.string("name") == "a\nb");
    CHECK(at.object("deep").object("x").integer("x") == 9);
    CHECK(whole.value().object().unsigned_integer("big") == 18446744073709551615u);
    CHECK(whole.value().object().binary("bytes") == three_bytes);
    CHECK(whole.binary("bytes") == three_bytes);
    CHECK(whole.value().object().list("list").size() == 9);
    CHECK(at.source() == source);
    CHECK(at.raw("y") == in_codec(source, "-2"));
  }
}

TEST_CASE("what is absent or of another kind is nothing, however long the chain of calls") {
  for (auto source : codecs) {
    const auto bytes = in_codec(source, message);
    const document_view whole{source, bytes};

    for (auto key : {"absent", "list", "type", "null", "bytes", "big"}) {
      CAPTURE(key);
      CHECK_FALSE(whole.object(key));
      CHECK_FALSE(whole.object(key).object("x").list("y"));
      CHECK_FALSE(whole.object(key).number("x"));
      CHECK(whole.object(key).begin() == whole.object(key).end());
    }
    for (auto key : {"absent", "at", "type", "null", "bytes", "big"}) {
      CAPTURE(key);
      CHECK_FALSE(whole.list(key));
      CHECK(whole.list(key).size() == 0);
      CHECK(whole.list(key).begin() == whole.list(key).end());
    }
    CHECK(whole.object("none"));
    CHECK(whole.list("empty"));
    CHECK(whole.list("empty").size() == 0);
    CHECK_FALSE(whole.object("at").string("x"));
    CHECK_FALSE(whole.object("at").integer("x"));
    CHECK_FALSE(whole.object("at").boolean("x"));
    CHECK_FALSE(whole.object("at").binary("name"));
    CHECK_FALSE(whole.binary("at"));
  }
}

TEST_CASE("a view is used like an optional one, too") {
  for (auto source : codecs) {
    const auto bytes = in_codec(source, message);
    const document_view whole{source, bytes};

    CHECK(whole.object("at")->number("x") == 1.5);
    CHECK((*whole.object("at")).number("x") == 1.5);
    CHECK(whole.list("list")->size() == 9);
    CHECK((*whole.list("list")).size() == 9);
    CHECK_FALSE(whole.object("absent")->number("x"));
  }
}

TEST_CASE("a list shows its elements in order") {
  for (auto source : codecs) {
    const auto bytes = in_codec(source, message);
    const document_view whole{source, bytes};
    std::string seen;

    for (auto& e : whole.list("list")) {
      REQUIRE(e);
      if (auto n = e.integer())
        seen += std::to_string(*n);
      else if (auto s = e.string())
        seen += *s;
      else if (e.is_null())
        seen += "null";
      else if (auto b = e.boolean())
        seen += *b ? "yes" : "no";
      else if (auto bin = e.binary())
        seen += "bin" + std::to_string(bin->size());
      else if (auto o = e.object())
        seen += "{" + std::to_string(o.integer("x").value_or(0)) + "}";
      else if (auto l = e.list())
        seen += "[" + std::to_string(l.size()) + "]";
      seen += ' ';
    }

    CHECK(seen == "1 two null yes [0] {0} bin3 {3} [1] ");
  }
}

TEST_CASE("a map shows its fields in order, with decoded keys") {
  for (auto source : codecs) {
    const auto bytes = in_codec(source, message);
    std::string keys;
    std::int64_t found = 0;

    for (auto& field : document_view{source, bytes}.object("at")) {
      keys.append(field.key()).append(" ");
      if (auto deep = field.object())
        for (auto& inner : deep)
          found = inner.object().integer("x").value_or(-1);
    }

    CHECK(keys == "x y name deep ");
    CHECK(found == 9);
  }
}

TEST_CASE("of a key that is there twice the last one counts") {
  const map_view json{codec::json, R"({"a":1,"b":{"a":5},"\u0061":2,"c":[{"a":7}]})"};
  const map_view packed{codec::msgpack, "\x83\xa1\x61\x01\xa1\x61\x02\xa1\x62\x81\xa1\x61\x05"};

  CHECK(json.integer("a") == 2);
  CHECK(packed.integer("a") == 2);
}

TEST_CASE("any value can be viewed alone, with white space around it") {
  CHECK(value_view{codec::json, " 7 "}.integer() == 7);
  CHECK(value_view{codec::json, "\t\"a\"\n"}.string() == "a");
  CHECK(map_view{codec::json, " {\"a\":1} "}.integer("a") == 1);
  CHECK(list_view{codec::json, " [1,2] "}.size() == 2);
  CHECK(value_view{codec::json, "\r\n[1 , 2]"}.list().size() == 2);
  CHECK(value_view{codec::msgpack, "\x07"}.integer() == 7);
  CHECK(list_view{codec::msgpack, "\x92\x01\x02"}.size() == 2);
  CHECK_FALSE(value_view{codec::json, "  "});
  CHECK_FALSE(value_view{codec::msgpack, ""});
}

TEST_CASE("views of what is no document read nothing beyond it, and end") {
  const std::vector<std::string> broken{
    "{",        "[",     "[1",       "[1,",   "[,1]",  "{\"a\"",    "{\"a\":",
    "{\"a\":}", "{1:2}", "{\"a\" 1", "[1 2]", "[\"a",  "{\"$bin\"", "{\"$bin\":5}",
    "}",        ",",     "\"",       "\"\\",  "[tru]", "[[[[",      "{\"a\":[1,",
    "-",        "[-]",   "[]]"};
  const std::vector<std::string> packed{
    "\x81",         "\x92",         "\x92\x01",    "\xdd\xff\xff\xff\xff",
    "\xc1",         "\x81\x01\x01", "\x81\xa1",    "\x81\xa1\x61",
    "\xdf\x00\x01", "\xd9\xff",     "\x92\xc1\x01"};
  const auto walk = [](codec source, const std::string& bytes) {
    const value_view v{source, std::string_view{bytes}};
    std::size_t steps = 0;
    for (auto& e : v.list())
      steps += 1 + e.list().size();
    for (auto& f : v.object())
      steps += 1 + f.key().size() + f.string().value_or("").size();
    (void)v.object().raw("a");
    (void)v.binary();
    (void)v.string();
    (void)v.number();
    (void)v.boolean();
    return steps;
  };

  for (auto& bytes : broken)
    CHECK(walk(codec::json, bytes) < 20);
  for (auto& bytes : packed)
    CHECK(walk(codec::msgpack, bytes) < 20);
}

TEST_CASE("no depth is too much for a view") {
  constexpr std::size_t depth = 100'000;
  const auto deep = std::string(depth, '[') + std::string(depth, ']');
  const auto packed = std::string(depth, '\x91') + '\x01';

  CHECK(list_view{codec::json, deep}.size() == 0); // deeper than any message: not read
  const list_view list{codec::msgpack, packed};
  CHECK(list.begin() == list.end());
}
