#include "support/units.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

using namespace troupe::examples;
using namespace std::chrono_literals;

namespace {

constexpr auto any = std::numeric_limits<std::uint64_t>::max();

template <class T>
constexpr std::optional<T> nothing{};

std::optional<std::chrono::milliseconds> ms(std::int64_t n) { return std::chrono::milliseconds{n}; }

} // namespace

// -- counts ---------------------------------------------------------------------------------------

TEST_CASE("a count is decimal digits and nothing else") {
  CHECK(parse_count("0", any) == 0u);
  CHECK(parse_count("007", any) == 7u);
  CHECK(parse_count("18446744073709551615", any) == any);
  for (auto bad : {"", " 1", "1 ", "+1", "-1", "-0", "1.0", "1e3", "0x10", "1_000", "one",
                   "18446744073709551616"}) {
    INFO(bad);
    CHECK(parse_count(bad, any) == nothing<std::uint64_t>);
  }
}

TEST_CASE("a count goes up to its maximum") {
  CHECK(parse_count("65535", 65535) == 65535u);
  CHECK(parse_count("65536", 65535) == nothing<std::uint64_t>);
}

// -- numbers --------------------------------------------------------------------------------------

TEST_CASE("a number is finite and at least 0") {
  CHECK(parse_number("20") == 20.0);
  CHECK(parse_number("0.5") == 0.5);
  CHECK(parse_number("0") == 0.0);
  for (auto bad : {"", "-1", "-0", "+1", "inf", "-inf", "nan", "infinity", "1e5", "1,5", "0x1p3",
                   " 1", "1 ", "1.5.2", "."}) {
    INFO(bad);
    CHECK(parse_number(bad) == nothing<double>);
  }
  CHECK(parse_number(std::string(400, '9')) == nothing<double>);
}

// -- durations ------------------------------------------------------------------------------------

TEST_CASE("a duration is plain seconds, or a number with its unit") {
  CHECK(parse_duration("25") == ms(25'000));
  CHECK(parse_duration("0.5") == ms(500));
  CHECK(parse_duration("25s") == ms(25'000));
  CHECK(parse_duration("1500ms") == ms(1500));
  CHECK(parse_duration("2m") == ms(120'000));
  CHECK(parse_duration("0.5m") == ms(30'000));
  CHECK(parse_duration("0") == ms(0));
  for (auto bad :
       {"", "s", "ms", "m", "1h", "1 s", "1S", "1sec", "-1s", "1mm", "1sm", "1ms ", "s1", "5,5"}) {
    INFO(bad);
    CHECK(parse_duration(bad) == nothing<std::chrono::milliseconds>);
  }
}

TEST_CASE("a duration is at most a day") {
  CHECK(parse_duration("86400") == ms(86'400'000));
  CHECK(parse_duration("1440m") == ms(86'400'000));
  CHECK(parse_duration("86400.001") == nothing<std::chrono::milliseconds>);
  CHECK(parse_duration("86400001ms") == nothing<std::chrono::milliseconds>);
  CHECK(parse_duration(std::string(300, '9')) == nothing<std::chrono::milliseconds>);
}

TEST_CASE("what is not nothing does not become nothing") {
  CHECK(parse_duration("0.0001") == ms(1));
  CHECK(parse_duration("0.1ms") == ms(1));
}

/// Pins that binary fractions cause no errors: 16.1 seconds are 16,100 milliseconds.
TEST_CASE("every millisecond of a minute is itself when written in seconds") {
  for (std::int64_t n = 0; n <= 60'000; ++n) {
    char text[16];
    std::snprintf(text, sizeof text, "%d.%03d", static_cast<int>(n / 1000),
                  static_cast<int>(n % 1000));
    INFO(text);
    REQUIRE(parse_duration(text) == ms(n));
  }
}

// -- sizes and switches ---------------------------------------------------------------------------

TEST_CASE("a size is plain bytes, or a whole number with its unit, up to a gibibyte") {
  CHECK(parse_size("65536") == 65536u);
  CHECK(parse_size("64KiB") == 65536u);
  CHECK(parse_size("16MiB") == 16777216u);
  CHECK(parse_size("0") == 0u);
  CHECK(parse_size("1073741824") == 1073741824u);
  CHECK(parse_size("1024MiB") == 1073741824u);
  CHECK(parse_size("1GiB") == 1073741824u);
  CHECK(parse_size("1024GiB", std::uint64_t{1} << 40) == std::uint64_t{1} << 40);
  for (auto bad :
       {"", "KiB", "1073741825", "1025MiB", "2GiB", "1.5GiB", "1TiB", "64kib", "64KB", "64K",
        "1.5MiB", "64 KiB", "-1", "1KiBKiB", "18446744073709551615MiB", "17592186044416MiB"}) {
    INFO(bad);
    CHECK(parse_size(bad) == nothing<std::uint64_t>);
  }
}

TEST_CASE("what is shown of durations and sizes is taken as such") {
  CHECK(duration_text(ms(25'000).value()) == "25s");
  CHECK(duration_text(ms(1500).value()) == "1500ms");
  CHECK(duration_text(ms(120'000).value()) == "2m");
  CHECK(duration_text(ms(0).value()) == "0s");
  CHECK(size_text(65536) == "64KiB");
  CHECK(size_text(16777216) == "16MiB");
  CHECK(size_text(std::uint64_t{3} << 30) == "3GiB");
  CHECK(size_text(1000) == "1000");
  CHECK(size_text(0) == "0");
  for (auto n : {0, 1, 999, 1000, 59'000, 60'000, 90'000})
    CHECK(parse_duration(duration_text(ms(n).value())) == ms(n));
}

TEST_CASE("a switch is on, true, off or false") {
  CHECK(parse_switch("on") == true);
  CHECK(parse_switch("true") == true);
  CHECK(parse_switch("off") == false);
  CHECK(parse_switch("false") == false);
  for (auto bad : {"", "yes", "1", "0", "ON", "True", "on "}) {
    INFO(bad);
    CHECK(parse_switch(bad) == nothing<bool>);
  }
}
