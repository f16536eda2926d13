#include "text/http_date.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono;
using namespace std::chrono_literals;
using namespace troupe::transport;

namespace {

constexpr sys_seconds rfc_example{784'111'777s};
constexpr http_time in_2024{1'710'000'000s};

std::optional<sys_seconds> parsed(std::string_view text) { return parse_http_date(text, in_2024); }

} // namespace

TEST_CASE("a date is written as HTTP wants it") {
  CHECK(http_date(http_time{784'111'777'123ms}) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http_date(http_time{0ms}) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(http_date(http_time{-1ms}) == "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST_CASE("a date is read in each of the three forms that HTTP knows") {
  CHECK(parsed("Sun, 06 Nov 1994 08:49:37 GMT") == rfc_example);
  CHECK(parsed("Sunday, 06-Nov-94 08:49:37 GMT") == rfc_example);
  CHECK(parsed("Sun Nov  6 08:49:37 1994") == rfc_example);
  CHECK(parsed("Wed Nov 16 08:49:37 1994") == rfc_example + 240h);
  CHECK(parsed("Fri, 30 Dec 2016 23:59:60 GMT") == sys_seconds{1'483'142'400s});
}

TEST_CASE("a year of two digits is the last one, unless it is less than 50 years ahead") {
  auto year_of = [](std::string_view text) {
    return static_cast<int>(year_month_day{floor<days>(parsed(text).value())}.year());
  };

  CHECK(year_of("Sunday, 06-Nov-74 08:49:37 GMT") == 2074);
  CHECK(year_of("Sunday, 06-Nov-75 08:49:37 GMT") == 1975);
  CHECK(year_of("Sunday, 06-Nov-00 08:49:37 GMT") == 2000);
}

TEST_CASE("what is no date is none") {
  for (auto text :
       {"", "yesterday", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37 GMT,Sun, 06 Nov 1994 08:49:37 GMT"}) {
    INFO(text);
    CHECK(parsed(text) == std::nullopt);
  }
}
