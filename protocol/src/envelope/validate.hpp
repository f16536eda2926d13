#pragma once

#include "envelope/field_table.hpp"
#include "text/scan.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/limits.hpp>

#include <string>
#include <string_view>

namespace troupe::protocol {

/// Why a document was refused.
struct document_failure {
  errc code = errc::ok; ///< `ok`: it was not refused
  std::string detail;
};

/// Validates one whole document and collects its top-level fields, which are usable even if a
/// payload rule is broken.
///
/// Errors: a fault of the grammar goes before a broken payload rule, which goes before a doubled
/// key. Cost: one pass; up to two more if it fails.
[[nodiscard]] document_failure validate(codec source, std::string_view bytes,
                                        const message_limits& limits, field_table& fields);

/// Whether `bytes` are one whole value, of at most `max_depth` (not 0) open maps and lists.
[[nodiscard]] bool is_value_within(codec source, std::string_view bytes, std::size_t max_depth);

/// The raw value of `key` in a validated map, empty if absent; the first one if there are several.
[[nodiscard]] std::string_view find_field(codec source, std::string_view map, std::string_view key);

/// The same, but the last one, as in `JSON.parse`. Cost: always the whole map.
[[nodiscard]] std::string_view find_last_field(codec source, std::string_view map,
                                               std::string_view key);

/// Whether a validated JSON object stands for bytes: its first key is `$bin`.
[[nodiscard]] bool is_bin_object(std::string_view object);

/// The size of the value at the start of `bytes`, behind which others may follow; 0 if there is
/// none. In JSON it counts the white space before the value.
[[nodiscard]] std::size_t first_value_bytes(codec source, std::string_view bytes);

/// Calls `visit` with the raw value of each element of a validated array, until a call returns
/// false; returns whether none did.
[[nodiscard]] bool scan_elements(codec source, std::string_view array,
                                 bool (*visit)(void* context, std::string_view element),
                                 void* context);

/// The same with the decoded key and the raw value of each entry of a validated map.
[[nodiscard]] bool scan_entries(codec source, std::string_view map,
                                bool (*visit)(void* context, std::string key,
                                              std::string_view value),
                                void* context);

} // namespace troupe::protocol
