#include <troupe/protocol/metadata.hpp>

#include "envelope/scalars.hpp"
#include "envelope/values.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace troupe::protocol {

namespace {

/// A double and an integer, exactly: neither is rounded to the type of the other.
template <class Integer>
std::partial_ordering order(double real, Integer whole) noexcept {
  constexpr double beyond_unsigned = 18446744073709551616.0, least_signed = -9223372036854775808.0;
  if (real >= beyond_unsigned)
    return std::partial_ordering::greater;
  if (real < least_signed)
    return std::partial_ordering::less;
  const auto floor = std::floor(real);
  const auto against = [&](auto floor_as_integer) -> std::partial_ordering {
    if (std::cmp_less(floor_as_integer, whole))
      return std::partial_ordering::less;
    if (std::cmp_greater(floor_as_integer, whole) || floor < real)
      return std::partial_ordering::greater;
    return std::partial_ordering::equivalent;
  };
  return floor < 0 ? against(static_cast<std::int64_t>(floor))
                   : against(static_cast<std::uint64_t>(floor));
}

/// Two values of any kinds.
struct ordering {
  std::partial_ordering operator()(bool a, bool b) const noexcept { return a <=> b; }
  std::partial_ordering operator()(double a, double b) const noexcept { return a <=> b; }
  std::partial_ordering operator()(const std::string& a, const std::string& b) const noexcept {
    return a <=> b;
  }

  template <class A, class B>
  std::partial_ordering operator()(const A& a, const B& b) const noexcept {
    constexpr auto is_integer = []<class T>(const T*) {
      return std::is_integral_v<T> && !std::is_same_v<T, bool>;
    };
    constexpr bool of_a = is_integer(static_cast<const A*>(nullptr));
    constexpr bool of_b = is_integer(static_cast<const B*>(nullptr));
    if constexpr (of_a && of_b) {
      return std::cmp_less(a, b)  ? std::partial_ordering::less
           : std::cmp_equal(a, b) ? std::partial_ordering::equivalent
                                  : std::partial_ordering::greater;
    } else if constexpr (of_b && std::is_same_v<A, double>) {
      return order(a, b);
    } else if constexpr (of_a && std::is_same_v<B, double>) {
      return 0 <=> order(b, a);
    } else {
      return std::partial_ordering::unordered;
    }
  }
};

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
  throw std::invalid_argument{"metadata: \"" + std::string{name} + "\" " + std::string{why}};
}

scalar scalar_of(const field& f) {
  const auto take = [&](const auto& x) -> scalar {
    using T = std::decay_t<decltype(x)>;
    if constexpr (scalar_source<T>) {
      return x;
    } else {
      if constexpr (std::is_same_v<T, raw_value>)
        if (auto read = read_scalar(x.source, x.bytes))
          return std::move(*read);
      refuse(f.key, "is no text, number or boolean");
    }
  };
  return std::visit(take, f.val);
}

bool is_left_out(const field& f) {
  const auto* raw = std::get_if<raw_value>(&f.val);
  return f.key.empty() || (raw && raw->bytes.empty());
}

std::vector<metadata::entry> entries_of(std::span<const field> fields) {
  std::vector<metadata::entry> all;
  all.reserve(fields.size());
  for (const auto& f : fields)
    if (!is_left_out(f))
      all.push_back({std::string{f.key}, scalar_of(f)});
  return all;
}

} // namespace

// -- scalar ---------------------------------------------------------------------------------------

bool scalar::is_number() const noexcept { return !text() && !std::holds_alternative<bool>(value_); }

value scalar::view() const noexcept {
  return std::visit(
    [](const auto& x) -> protocol::value {
      if constexpr (std::is_same_v<std::decay_t<decltype(x)>, std::string>)
        return std::string_view{x};
      else
        return x;
    },
    value_);
}

std::size_t scalar::bytes() const noexcept { return text() ? text()->size() : 8; }

void scalar::check() const {
  if (const auto* real = std::get_if<double>(&value_); real && !std::isfinite(*real))
    throw std::invalid_argument{"scalar: the number is not finite"};
}

std::partial_ordering scalar::compare(const scalar& a, const scalar& b) noexcept {
  return std::visit(ordering{}, a.value_, b.value_);
}

std::optional<scalar> read_scalar(codec source, std::string_view raw) {
  switch (kind_of(source, raw)) {
    case value_kind::boolean: return read_boolean(source, raw).value();
    case value_kind::string: return read_string(source, raw).value();
    case value_kind::integer:
      if (const auto whole = read_unsigned(source, raw))
        return *whole;
      return read_integer(source, raw).value();
    case value_kind::real: {
      const auto real = read_number(source, raw).value();
      return std::isfinite(real) ? std::optional<scalar>{real} : std::nullopt;
    }
    default: return std::nullopt;
  }
}

// -- metadata -------------------------------------------------------------------------------------

metadata::metadata(std::span<const field> fields) : metadata(entries_of(fields)) {}

metadata::metadata(std::vector<entry> entries) : entries_(std::move(entries)) {
  std::ranges::sort(entries_, {}, &entry::name);
  for (const auto& e : entries_)
    if (e.name.empty() || !is_inner_key(e.name))
      refuse(e.name, "is a name that no field can have");
  if (const auto twice = std::ranges::adjacent_find(entries_, {}, &entry::name);
      twice != entries_.end())
    refuse(twice->name, "is there twice");
  if (bytes() > most_bytes)
    throw std::invalid_argument{"metadata: " + std::to_string(bytes())
                                + " bytes of names and "
                                  "values, and it may have 4096"};
}

std::size_t metadata::bytes() const noexcept {
  std::size_t sum = 0;
  for (const auto& e : entries_)
    sum += e.name.size() + e.value.bytes();
  return sum;
}

const scalar* metadata::find(std::string_view name) const noexcept {
  const auto i = std::ranges::lower_bound(entries_, name, {}, &entry::name);
  return i != entries_.end() && i->name == name ? &i->value : nullptr;
}

std::optional<std::string_view> metadata::text(std::string_view name) const noexcept {
  const auto* found = find(name);
  return found && found->text() ? std::optional<std::string_view>{*found->text()} : std::nullopt;
}

std::optional<double> metadata::number(std::string_view name) const noexcept {
  const auto* found = find(name);
  if (!found || !found->is_number())
    return std::nullopt;
  return std::visit(
    [](const auto& x) -> double {
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(x)>>)
        return static_cast<double>(x);
      else
        return 0; // it is a number
    },
    found->value());
}

std::optional<std::int64_t> metadata::integer(std::string_view name) const noexcept {
  const auto* found = find(name);
  const auto* whole = found ? std::get_if<std::int64_t>(&found->value()) : nullptr;
  return whole ? std::optional{*whole} : std::nullopt;
}

std::optional<bool> metadata::boolean(std::string_view name) const noexcept {
  const auto* found = find(name);
  const auto* truth = found ? std::get_if<bool>(&found->value()) : nullptr;
  return truth ? std::optional{*truth} : std::nullopt;
}

std::vector<field> metadata::fields() const {
  std::vector<field> all;
  all.reserve(entries_.size());
  for (const auto& e : entries_) {
    auto& f = all.emplace_back(e.name, false);
    f.val = e.value.view();
  }
  return all;
}

// -- filters --------------------------------------------------------------------------------------

bool fits(const metadata& of, const metadata_filter& wanted) noexcept {
  return std::ranges::all_of(wanted, [&](const filter_term& term) {
    const auto* there = of.find(term.name);
    if (!there)
      return false;
    const auto order = *there <=> term.value;
    switch (term.how) {
      case comparison::equal: return order == 0;
      case comparison::at_least: return order >= 0;
      case comparison::at_most: return order <= 0;
    }
    return false;
  });
}

const char* fault_of(const metadata_filter& wanted) noexcept {
  if (wanted.size() > most_filter_terms)
    return "filter has at most 16 terms";
  std::size_t bytes = 0;
  for (const auto& term : wanted) {
    if (term.name.empty() || !is_inner_key(term.name))
      return "filter has a name that no field can have";
    if (term.how != comparison::equal && !term.value.is_number())
      return "filter compares at_least and at_most with numbers only";
    bytes += term.name.size() + term.value.bytes();
  }
  return bytes > most_filter_bytes ? "filter has at most 4 KiB of names and values" : nullptr;
}

metadata metadata_of_new_room(const metadata_filter& wanted, const metadata& named) {
  auto entries = named.entries();
  const auto has = [&](const std::string& name) {
    return std::ranges::find(entries, name, &metadata::entry::name) != entries.end();
  };
  for (const auto& term : wanted)
    if (term.how == comparison::equal && !has(term.name))
      entries.push_back({term.name, term.value});
  metadata all{std::move(entries)};
  for (const auto& term : wanted)
    if (!fits(all, {term}))
      throw std::invalid_argument{"a room that is made for this would not fit the filter: give "
                                  "metadata with a fitting \""
                                  + term.name + "\""};
  return all;
}

} // namespace troupe::protocol
