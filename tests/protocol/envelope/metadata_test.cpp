#include <troupe/protocol/metadata.hpp>

#include <troupe/protocol/errc.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace troupe;
using namespace troupe::protocol;

namespace {

constexpr auto most_signed = std::numeric_limits<std::int64_t>::max();
constexpr auto least_signed = std::numeric_limits<std::int64_t>::min();
constexpr auto most_unsigned = std::numeric_limits<std::uint64_t>::max();

/// What the constructor says of these fields.
std::string fault_in(const std::vector<field>& fields) {
  try {
    const metadata made{fields};
    return {};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("a scalar is a text, a number or a boolean, and nothing else compiles") {
  CHECK(scalar{"x"}.text() != nullptr);
  CHECK(scalar{std::string{"x"}} == scalar{std::string_view{"x"}});
  CHECK(std::holds_alternative<std::int64_t>(scalar{3U}.value()));
  CHECK(std::holds_alternative<std::uint64_t>(scalar{most_unsigned}.value()));
  CHECK(std::holds_alternative<double>(scalar{1.5F}.value()));
  CHECK(std::holds_alternative<bool>(scalar{false}.value()));
  STATIC_REQUIRE_FALSE(std::is_constructible_v<scalar, std::nullptr_t>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<scalar, int*>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<scalar, char>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<scalar, errc>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<scalar, std::vector<int>>);
  CHECK_THROWS_AS(scalar{std::nan("")}, std::invalid_argument);
  CHECK_THROWS_AS(scalar{HUGE_VAL}, std::invalid_argument);
}

TEST_CASE("numbers compare by value, exactly, whatever their types") {
  CHECK(scalar{1} == scalar{1.0});
  CHECK(scalar{most_signed} < scalar{9223372036854775808.0});
  CHECK(scalar{least_signed} == scalar{-9223372036854775808.0});
  CHECK(scalar{most_unsigned} < scalar{18446744073709551616.0});
  CHECK(scalar{std::int64_t{9007199254740993}} > scalar{9007199254740992.0});
  CHECK(scalar{-1} < scalar{most_unsigned});
  CHECK(scalar{-2} < scalar{-1.5});
  CHECK(scalar{-1} > scalar{-1.5});
  CHECK(scalar{1.5} > scalar{1});
  CHECK(scalar{1e300} > scalar{most_unsigned});
  CHECK(scalar{-1e300} < scalar{least_signed});
  CHECK(scalar{-0.0} == scalar{0});
}

TEST_CASE("values of different kinds are neither equal nor ordered") {
  for (const auto& other : {scalar{1}, scalar{1.0}, scalar{true}}) {
    CHECK_FALSE(scalar{"1"} == other);
    CHECK_FALSE(scalar{"1"} < other);
    CHECK_FALSE(scalar{"1"} > other);
  }
  CHECK_FALSE(scalar{true} == scalar{1});
}

TEST_CASE("metadata are found by their names, whatever the order they were given in") {
  const metadata all{{"map", "ice"}, {"level", 3}, {"ranked", true}, {"rating", 1.5}};

  CHECK(all.text("map") == "ice");
  CHECK(all.integer("level") == 3);
  CHECK(all.number("level") == 3.0);
  CHECK(all.number("rating") == 1.5);
  CHECK(all.boolean("ranked") == true);
  CHECK_FALSE(all.integer("rating"));
  CHECK_FALSE(all.text("level"));
  CHECK_FALSE(all.number("ranked"));
  CHECK_FALSE(all.find("mode"));
  CHECK(all == metadata{{"rating", 1.5}, {"ranked", true}, {"level", 3.0}, {"map", "ice"}});
  CHECK(encode_map(codec::json, all.fields())
        == R"({"level":3,"map":"ice","ranked":true,"rating":1.5})");
  CHECK(metadata{}.empty());
}

TEST_CASE("metadata take raw scalars, and leave out what has no name or no value") {
  const metadata all{{"a", raw_value{codec::json, R"("\u0078")"}},
                     {"b", raw_value{codec::msgpack, "\xff"}},
                     {"c", raw_value{codec::json, {}}},
                     {"", 1}};

  CHECK(all.entries().size() == 2);
  CHECK(all.text("a") == "x");
  CHECK(all.integer("b") == -1);
}

TEST_CASE("each mistake in metadata is told in a sentence") {
  const std::string fills(4095, 'x'), exceeds(4096, 'x'), exceeds_with_a_number(4087, 'x');

  CHECK(fault_in({{"a", 1}, {"a", 2}}) == R"(metadata: "a" is there twice)");
  CHECK(fault_in({{"__proto__", 1}})
        == R"(metadata: "__proto__" is a name that no field can have)");
  CHECK(fault_in({{"a", raw_value{codec::json, "null"}}})
        == R"(metadata: "a" is no text, number or boolean)");
  CHECK(fault_in({{"a", raw_value{codec::json, "[1]"}}}) != "");
  CHECK(fault_in({{"a", binary_value{"x"}}}) != "");
  CHECK(fault_in({{"a", std::nan("")}}) == "scalar: the number is not finite");
  CHECK(fault_in({{"a", fills}}) == "");
  CHECK(fault_in({{"a", exceeds}})
        == "metadata: 4097 bytes of names and values, and it may have 4096");
  CHECK(fault_in({{"a", 1}, {"b", exceeds_with_a_number}}) != "");
}

TEST_CASE("a filter holds if all of its terms do") {
  const metadata room{{"mode", "duel"}, {"level", 5}, {"ranked", true}};
  const auto is = [&](const metadata_filter& wanted) { return fits(room, wanted); };
  using enum comparison;

  CHECK(is({}));
  CHECK(is({{"mode", equal, "duel"}}));
  CHECK_FALSE(is({{"mode", equal, "race"}}));
  CHECK(is({{"level", at_least, 5}, {"level", at_most, 5.0}}));
  CHECK_FALSE(is({{"level", at_least, 5.5}}));
  CHECK_FALSE(is({{"level", at_most, 4}}));
  CHECK_FALSE(is({{"mode", equal, "duel"}, {"level", equal, 4}}));
  CHECK_FALSE(is({{"map", equal, "ice"}}));
  CHECK_FALSE(is({{"mode", at_least, 1}}));
  CHECK_FALSE(is({{"ranked", equal, 1}}));
  CHECK_FALSE(fits(metadata{}, {{"mode", equal, "duel"}}));
}

TEST_CASE("each mistake in a filter is told in a sentence") {
  const auto said = [](const metadata_filter& wanted) {
    const auto* fault = fault_of(wanted);
    return std::string{fault ? fault : ""};
  };
  using enum comparison;
  const filter_term term{"a", equal, 1};

  CHECK(said({{"a", at_least, 1}}) == "");
  CHECK(said(metadata_filter(16, term)) == "");
  CHECK(said(metadata_filter(17, term)) == "filter has at most 16 terms");
  CHECK(said({{"", equal, 1}}) == "filter has a name that no field can have");
  CHECK(said({{"a", at_most, "x"}}) == "filter compares at_least and at_most with numbers only");
  CHECK(said({{"a", equal, std::string(4095, 'x')}}) == "");
  CHECK(said({{"a", equal, std::string(4096, 'x')}})
        == "filter has at most 4 KiB of names and values");
}

TEST_CASE("a room that is made for a wish fits it") {
  using enum comparison;
  const metadata named{{"level", 5}};
  const metadata_filter too_strong{{"level", at_least, 6}}, unnamed{{"skill", at_least, 6}},
    two_modes{{"mode", equal, "a"}, {"mode", equal, "b"}};

  CHECK(metadata_of_new_room({{"mode", equal, "duel"}}, named)
        == metadata{{"level", 5}, {"mode", "duel"}});
  CHECK(metadata_of_new_room({{"level", at_least, 3}}, named) == named);
  CHECK_THROWS_WITH(metadata_of_new_room(too_strong, named),
                    "a room that is made for this would not fit the filter: give metadata with a "
                    "fitting \"level\"");
  CHECK_THROWS_AS(metadata_of_new_room(unnamed, named), std::invalid_argument);
  CHECK_THROWS_AS(metadata_of_new_room(two_modes, named), std::invalid_argument);
}
