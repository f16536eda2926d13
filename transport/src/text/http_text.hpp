#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::transport {

/// A request target in origin form: of `http://host/path?query` only `/path?query`; without a path
/// that is `/` (RFC 9112, 3.2.1 and 3.2.2; RFC 9110, 4.2.3).
[[nodiscard]] std::string origin_form(std::string_view target);

/// What a target in absolute form names between scheme and path: `host` or `host:port`, perhaps
/// nothing. No value of a target in another form.
[[nodiscard]] std::optional<std::string_view> authority_of(std::string_view target) noexcept;

/// Percent-decodes the path of a request target; nothing if it is malformed, holds a zero byte, or
/// does not start with a slash. Of `http://host?query` it is `/`.
[[nodiscard]] std::optional<std::string> decode_path(std::string_view target);

/// The names and values of a query, decoded as `URLSearchParams` does; without empty names.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> query_pairs(std::string_view query);

/// Those of the query of a request target.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> query_of(std::string_view target);

/// Without the white space around it, as fields of HTTP have it (RFC 9110, 5.6.3).
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

/// Whether `text` is a token (RFC 9110, 5.6.2).
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Whether a header may have that value: no control characters but tabs (RFC 9110, 5.5).
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// The elements of a list header, without white space around them.
[[nodiscard]] std::vector<std::string_view> list_elements(std::string_view list);

} // namespace troupe::transport
