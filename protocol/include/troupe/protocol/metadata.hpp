#pragma once

#include <troupe/protocol/event.hpp>

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace troupe::protocol {

/// What a `scalar` can be made of: texts, numbers and booleans, but no single characters.
template <class T>
concept scalar_source = std::integral<T> || std::floating_point<T> ||(
  std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>);
/// A text, a number or a boolean, which it owns.
class scalar {
public:
  /// An integer is the first of these types that holds it.
  using value_type = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

  /// Throws `std::invalid_argument` for a number that is not finite.
  template <scalar_source T>
  requires(!character<T>) scalar(const T& x) : value_(convert(x)) { check(); }

  [[nodiscard]] const value_type& value() const noexcept { return value_; }
  [[nodiscard]] bool is_number() const noexcept;
  [[nodiscard]] const std::string* text() const noexcept {
    return std::get_if<std::string>(&value_);
  }
  /// Views of it.
  [[nodiscard]] protocol::value view() const noexcept;
  /// What it counts in `metadata::bytes`: a text its bytes, everything else 8.
  [[nodiscard]] std::size_t bytes() const noexcept;

  /// Numbers compare by value, whatever their types, and texts by bytes. Values of different kinds
  /// are unordered, and so unequal.
  [[nodiscard]] friend std::partial_ordering operator<=>(const scalar& a,
                                                         const scalar& b) noexcept {
    return compare(a, b);
  }
  [[nodiscard]] friend bool operator==(const scalar& a, const scalar& b) noexcept {
    return compare(a, b) == 0;
  }

private:
  template <class T>
  static value_type convert(const T& x) {
    if constexpr (std::is_same_v<T, bool>)
      return x;
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<double>(x);
    else if constexpr (std::is_integral_v<T>)
      return integer(x);
    else
      return std::string{std::string_view{x}};
  }
  template <class T>
  static value_type integer(T x) noexcept {
    if (std::in_range<std::int64_t>(x))
      return static_cast<std::int64_t>(x);
    return static_cast<std::uint64_t>(x);
  }
  void check() const;
  [[nodiscard]] static std::partial_ordering compare(const scalar& a, const scalar& b) noexcept;

  value_type value_;
};

/// What a room tells about itself for those who look for one: named scalars, in the order of their
/// names.
class metadata {
public:
  struct entry {
    std::string name;
    scalar value;

    [[nodiscard]] bool operator==(const entry&) const = default;
  };

  /// Names and values together, at most.
  static constexpr std::size_t most_bytes = 4096;

  metadata() = default;
  /// Leaves fields out that have no name, or an empty `raw_value`. Throws `std::invalid_argument`
  /// with a sentence: for a value that is no text, number or boolean, a number that is not finite,
  /// a name that is there twice or that no field can have (`__proto__`, `$bin`, invalid UTF-8), and
  /// for more than `most_bytes`.
  metadata(field_list fields) : metadata(std::span<const field>{fields.begin(), fields.size()}) {}
  explicit metadata(std::span<const field> fields);
  /// The same of entries in any order.
  explicit metadata(std::vector<entry> entries);

  [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept;

  /// The value of that name; null if there is none. Cost: logarithmic.
  [[nodiscard]] const scalar* find(std::string_view name) const noexcept;
  // The value of that name; nothing if there is none, or one of another kind.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<double> number(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const noexcept;

  /// As fields, for `encode_map` and for broadcasts. Their views are of this object.
  [[nodiscard]] std::vector<field> fields() const;

  [[nodiscard]] bool operator==(const metadata&) const = default;

private:
  std::vector<entry> entries_;
};

/// How a value of a room's metadata has to stand to that of a `filter_term`.
enum class comparison : std::uint8_t { equal = 0, at_least = 1, at_most = 2 };

/// One thing that somebody wants of a room: the room's value of that name is there, and stands so
/// to this one. `at_least` and `at_most` are for numbers.
struct filter_term {
  std::string name;
  comparison how = comparison::equal;
  scalar value;

  [[nodiscard]] bool operator==(const filter_term&) const = default;
};

/// All of these things.
using metadata_filter = std::vector<filter_term>;

/// Terms of a filter, and the bytes of their names and values together, at most.
inline constexpr std::size_t most_filter_terms = 16;
inline constexpr std::size_t most_filter_bytes = metadata::most_bytes;

/// Whether all terms hold of `of`. Cost: logarithmic in `of` for each term; allocates nothing.
[[nodiscard]] bool fits(const metadata& of, const metadata_filter& wanted) noexcept;

/// What is wrong with a filter, as a sentence; null if nothing is.
[[nodiscard]] const char* fault_of(const metadata_filter& wanted) noexcept;

/// The metadata of a room that is made for a wish: those that it names, and for each `equal` of its
/// filter that they do not name, the value of that. Throws `std::invalid_argument` with a sentence
/// if that is too much, or if the room would not fit the filter.
[[nodiscard]] metadata metadata_of_new_room(const metadata_filter& wanted, const metadata& named);

} // namespace troupe::protocol
