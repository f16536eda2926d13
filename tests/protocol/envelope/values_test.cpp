#include "envelope/values.hpp"

#include <troupe/protocol/command.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <vector>

using namespace troupe::protocol;

namespace {

constexpr auto all = std::numeric_limits<std::size_t>::max();

std::string in_codec(codec source, std::string_view json) {
  std::string out;
  transcode(codec::json, json, source, out);
  return out;
}

std::string as_json(codec source, std::string_view raw) {
  std::string out;
  transcode(source, raw, codec::json, out);
  return out;
}

struct visited {
  bool whole;
  std::vector<std::string_view> elements;
};

/// Visits the elements of `raw`; the one after the first `most` returns false.
visited visit(codec source, std::string_view raw, std::size_t most = all) {
  visited out{};
  out.whole = for_each_element(source, raw, [&](std::string_view element) {
    out.elements.push_back(element);
    return out.elements.size() <= most;
  });
  return out;
}

} // namespace

TEST_CASE("the elements of an array come in order, each as a view of it") {
  const std::string_view elements[] = {"1",
                                       "-7",
                                       "2.5",
                                       "true",
                                       "null",
                                       R"("a,]\"")",
                                       R"(["[",2])",
                                       "[]",
                                       "{}",
                                       R"({"x":[{}]})",
                                       R"({"$bin":"AAEC"})",
                                       R"([[["]"]]])"};
  std::string json;
  for (const auto& element : elements)
    json.append(json.empty() ? "[" : ",").append(element);
  json.append("]");
  for (auto source : {codec::json, codec::msgpack}) {
    const auto raw = in_codec(source, json);
    const auto [whole, views] = visit(source, raw);

    CHECK(whole);
    REQUIRE(views.size() == std::size(elements));
    for (std::size_t i = 0; i < views.size(); ++i) {
      CHECK(as_json(source, views[i]) == elements[i]);
      CHECK(views[i].data() >= raw.data());
      CHECK(views[i].data() + views[i].size() <= raw.data() + raw.size());
    }
  }
}

TEST_CASE("white space around elements is not theirs") {
  const auto [whole, views] = visit(codec::json, "[ 1 ,\n[ 2 ]\t, {\"a\" : 3 } ,\"b\" ]");

  CHECK(whole);
  CHECK(views == std::vector<std::string_view>{"1", "[ 2 ]", "{\"a\" : 3 }", "\"b\""});
}

TEST_CASE("an empty array has no elements") {
  for (auto source : {codec::json, codec::msgpack}) {
    const auto raw = in_codec(source, "[]");
    const auto [whole, views] = visit(source, raw);

    CHECK(whole);
    CHECK(views.empty());
  }
}

TEST_CASE("a value that is no array has no elements to visit") {
  for (auto source : {codec::json, codec::msgpack})
    for (auto json : {R"({"a":[1]})", R"("[1]")", "1", "null", "true", R"({"$bin":"kQE="})"}) {
      INFO(json << ", codec " << static_cast<int>(source));
      const auto raw = in_codec(source, json);
      const auto [whole, views] = visit(source, raw);

      CHECK_FALSE(whole);
      CHECK(views.empty());
    }
  CHECK_FALSE(visit(codec::json, {}).whole);
  CHECK_FALSE(visit(codec::msgpack, {}).whole);
}

TEST_CASE("no element is visited behind one that was refused") {
  for (auto source : {codec::json, codec::msgpack})
    for (auto json : {"[1,2,3,4]", "[[1],[2],[3],[4]]"}) {
      const auto raw = in_codec(source, json);

      CHECK(visit(source, raw, 0).elements.size() == 1);
      CHECK(visit(source, raw, 2).elements.size() == 3);
      CHECK_FALSE(visit(source, raw, 2).whole);
      CHECK_FALSE(visit(source, raw, 3).whole);
      CHECK(visit(source, raw, 4).whole);
    }
}

TEST_CASE("an array is visited whatever the format of its count") {
  for (std::size_t count : {15u, 16u, 65'535u, 65'536u}) {
    std::string json = "[1";
    for (std::size_t i = 1; i < count; ++i)
      json += ",1";
    const auto raw = in_codec(codec::msgpack, json + ']');

    CHECK(visit(codec::msgpack, raw).elements.size() == count);
  }
}

TEST_CASE("an element as deep as any message can be comes whole") {
  const auto deep =
    std::string(max_supported_depth - 1, '[') + std::string(max_supported_depth - 1, ']');
  for (auto source : {codec::json, codec::msgpack}) {
    const auto raw = in_codec(source, '[' + deep + ",1]");
    const auto [whole, views] = visit(source, raw);

    CHECK(whole);
    REQUIRE(views.size() == 2);
    CHECK(as_json(source, views[0]) == deep);
  }
}
