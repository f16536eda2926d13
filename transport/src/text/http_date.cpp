#include "text/http_date.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace troupe::transport {

using namespace std::chrono;

namespace {

constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Takes one part of a date after the other; once a part is not there, `is_good` is false.
class date_text {
public:
  explicit date_text(std::string_view text) : left_(text) {}

  void take(std::string_view expected) {
    is_good_ = is_good_ && left_.starts_with(expected);
    left_.remove_prefix(std::min(expected.size(), left_.size()));
  }

  /// A number of exactly that many digits.
  int number(std::size_t digits) {
    int n = 0;
    auto text = left_.substr(0, digits);
    auto read = std::from_chars(text.data(), text.data() + text.size(), n);
    is_good_ = is_good_ && text.size() == digits && text.front() != '-' && read.ec == std::errc{}
            && read.ptr == text.data() + text.size();
    left_.remove_prefix(text.size());
    return n;
  }

  /// Which of the names comes next, counted from 0.
  template <std::size_t N>
  unsigned one_of(const std::array<std::string_view, N>& names) {
    for (unsigned i = 0; i < N; ++i)
      if (left_.starts_with(names[i])) {
        left_.remove_prefix(names[i].size());
        return i;
      }
    is_good_ = false;
    return 0;
  }

  [[nodiscard]] char next() const { return left_.empty() ? '\0' : left_.front(); }
  [[nodiscard]] bool is_whole() const { return is_good_ && left_.empty(); }

private:
  std::string_view left_;
  bool is_good_ = true;
};

struct parts {
  int year = 0;
  unsigned month = 0; ///< from 0
  int day = 0;
  int hour = 0, minute = 0, second = 0;
};

void take_time(date_text& text, parts& p) {
  p.hour = text.number(2);
  text.take(":");
  p.minute = text.number(2);
  text.take(":");
  p.second = text.number(2);
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
std::optional<parts> read_preferred(std::string_view whole) {
  date_text text{whole};
  parts p;
  text.one_of(days);
  text.take(", ");
  p.day = text.number(2);
  text.take(" ");
  p.month = text.one_of(months);
  text.take(" ");
  p.year = text.number(4);
  text.take(" ");
  take_time(text, p);
  text.take(" GMT");
  return text.is_whole() ? std::optional{p} : std::nullopt;
}

/// `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850)
std::optional<parts> read_short_year(std::string_view whole, http_time now) {
  date_text text{whole};
  parts p;
  text.one_of(long_days);
  text.take(", ");
  p.day = text.number(2);
  text.take("-");
  p.month = text.one_of(months);
  text.take("-");
  auto this_year = static_cast<int>(year_month_day{floor<std::chrono::days>(now)}.year());
  p.year = this_year - this_year % 100 + text.number(2);
  if (p.year > this_year + 50)
    p.year -= 100;
  text.take(" ");
  take_time(text, p);
  text.take(" GMT");
  return text.is_whole() ? std::optional{p} : std::nullopt;
}

/// `Sun Nov  6 08:49:37 1994` (asctime)
std::optional<parts> read_asctime(std::string_view whole) {
  date_text text{whole};
  parts p;
  text.one_of(days);
  text.take(" ");
  p.month = text.one_of(months);
  text.take(" ");
  if (text.next() == ' ') {
    text.take(" ");
    p.day = text.number(1);
  } else {
    p.day = text.number(2);
  }
  text.take(" ");
  take_time(text, p);
  text.take(" ");
  p.year = text.number(4);
  return text.is_whole() ? std::optional{p} : std::nullopt;
}

std::optional<sys_seconds> moment_of(const parts& p) {
  auto date = year{p.year} / month{p.month + 1} / day{static_cast<unsigned>(p.day)};
  constexpr int leap_second = 60;
  if (!date.ok() || p.hour > 23 || p.minute > 59 || p.second > leap_second)
    return std::nullopt;
  return sys_days{date} + hours{p.hour} + minutes{p.minute} + seconds{p.second};
}

} // namespace

std::string http_date(http_time at) {
  auto whole = floor<seconds>(at);
  auto midnight = floor<std::chrono::days>(whole);
  year_month_day date{midnight};
  hh_mm_ss time{whole - midnight};
  std::array<char, 64> text; // not `strftime`, which a locale may change
  auto n = std::snprintf(
    text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
    days[weekday{midnight}.c_encoding()].data(), static_cast<unsigned>(date.day()),
    months[static_cast<unsigned>(date.month()) - 1].data(), static_cast<int>(date.year()),
    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
    static_cast<int>(time.seconds().count()));
  return {text.data(), static_cast<std::size_t>(n)};
}

std::optional<sys_seconds> parse_http_date(std::string_view text, http_time now) {
  auto p = read_preferred(text);
  if (!p)
    p = read_short_year(text, now);
  if (!p)
    p = read_asctime(text);
  return p ? moment_of(*p) : std::nullopt;
}

} // namespace troupe::transport
