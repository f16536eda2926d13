#pragma once

#include "envelope/validate.hpp"

#include <troupe/protocol/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::protocol {

/// What a raw encoded value is, in either codec. `integer`: one within -2^63..2^64-1.
enum class value_kind : std::uint8_t {
  absent,
  null,
  boolean,
  integer,
  real,
  string,
  binary,
  array,
  map
};

/// These functions take one whole validated value, or an empty view for an absent one. Those that
/// read a value return nothing if it is of another kind.
[[nodiscard]] value_kind kind_of(codec source, std::string_view raw);
[[nodiscard]] std::optional<std::string> read_string(codec source, std::string_view raw);
[[nodiscard]] std::optional<std::int64_t> read_integer(codec source, std::string_view raw);
[[nodiscard]] std::optional<std::uint64_t> read_unsigned(codec source, std::string_view raw);
[[nodiscard]] std::optional<double> read_number(codec source, std::string_view raw);
[[nodiscard]] std::optional<bool> read_boolean(codec source, std::string_view raw);

/// The bytes of a MessagePack `bin`, a view of `raw`. Precondition: `raw` is one.
[[nodiscard]] std::string_view binary_bytes(std::string_view raw);

/// The bytes of a JSON `{"$bin": base64}`. Precondition: `raw` is one.
[[nodiscard]] std::string decoded_binary(std::string_view raw);

/// The size of a string once it is decoded, in bytes; nothing if the value is not a string.
[[nodiscard]] std::optional<std::size_t> string_bytes(codec source, std::string_view raw);

/// Calls `visit(element)` for each element of an array, in order, as a view of `raw`, until a call
/// returns false. Returns false if one did or if the value is no array. Allocates nothing and does
/// not recurse. Cost: one pass.
template <class Visit>
bool for_each_element(codec source, std::string_view raw, Visit visit) {
  const auto call = [](void* context, std::string_view element) -> bool {
    return (*static_cast<Visit*>(context))(element);
  };
  return kind_of(source, raw) == value_kind::array && scan_elements(source, raw, call, &visit);
}

/// The same with `visit(key, value)` for each entry of a map; the key is decoded.
template <class Visit>
bool for_each_entry(codec source, std::string_view raw, Visit visit) {
  const auto call = [](void* context, std::string key, std::string_view value) -> bool {
    return (*static_cast<Visit*>(context))(std::move(key), value);
  };
  return kind_of(source, raw) == value_kind::map && scan_entries(source, raw, call, &visit);
}

} // namespace troupe::protocol
