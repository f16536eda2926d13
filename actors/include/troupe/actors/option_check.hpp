#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::actors {

/// Refuses options that cannot work, while a server is set up: one call for each field.
///
/// Errors: `std::invalid_argument`, one sentence that names the field, its value and what is
/// allowed. A size that was computed as a negative number is refused as too large. Thread: any.
class option_check {
public:
  /// A larger value is a mistake: 0 means no limit.
  static constexpr std::int64_t most_things = 1'000'000'000'000;
  static constexpr std::int64_t most_bytes = std::int64_t{1} << 50;
  static constexpr double highest_rate = 1e9;
  static constexpr std::chrono::milliseconds longest_time = std::chrono::hours{24 * 365};
  static constexpr std::chrono::milliseconds longest_age = std::chrono::hours{24 * 365 * 100};

  /// `of`: the name of the options' type, or the path to them.
  explicit option_check(std::string of) : of_(std::move(of)) {}

  template <std::integral Number>
  void within(std::string_view field, Number value, std::int64_t least, std::int64_t most,
              std::string_view unit = {}) const {
    if (std::cmp_less(value, least) || std::cmp_greater(value, most))
      refuse(field, std::to_string(value), std::to_string(least), std::to_string(most), unit);
  }
  template <std::integral Number>
  void count(std::string_view field, Number value) const {
    within(field, value, 0, most_things);
  }
  template <std::integral Number>
  void bytes(std::string_view field, Number value, std::int64_t most = most_bytes) const {
    within(field, value, 0, most, " bytes");
  }
  template <std::integral Number>
  void count(std::string_view field, std::optional<Number> value) const {
    count(field, value.value_or(0));
  }
  template <std::integral Number>
  void bytes(std::string_view field, std::optional<Number> value) const {
    bytes(field, value.value_or(0));
  }
  /// A rate per second; NaN is refused, too.
  void rate(std::string_view field, double value) const;
  void time(std::string_view field, std::chrono::milliseconds value,
            std::chrono::milliseconds most = longest_time) const;
  /// The same, without an overflow in the conversion to milliseconds.
  void time(std::string_view field, std::chrono::seconds value,
            std::chrono::milliseconds most = longest_time) const;
  void not_null(std::string_view field, const void* value) const;
  /// Refuses `value` unless `holds`; `expected` says what is allowed.
  void that(bool holds, std::string_view field, std::string_view value,
            std::string_view expected) const;

private:
  [[noreturn]] void refuse(std::string_view field, const std::string& value,
                           const std::string& least, const std::string& most,
                           std::string_view unit) const;

  std::string of_;
};

} // namespace troupe::actors
