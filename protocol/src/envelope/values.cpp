#include "envelope/values.hpp"

#include "envelope/validate.hpp"
#include "json/json_text.hpp"
#include "msgpack/msgpack_token.hpp"
#include "text/scan.hpp"

#include <troupe/protocol/base64.hpp>

#include <charconv>

namespace troupe::protocol {

namespace {

msgpack_token token_of_msgpack(std::string_view raw) {
  msgpack_token token;
  (void)read_msgpack_token(raw, token);
  return token;
}

template <class Integer>
std::optional<Integer> parse_integer(std::string_view lexeme) {
  Integer value = 0;
  const auto end = lexeme.data() + lexeme.size();
  const auto read = std::from_chars(lexeme.data(), end, value);
  if (read.ec != std::errc{} || read.ptr != end || lexeme == "-0")
    return std::nullopt;
  return value;
}

bool is_integer(std::string_view lexeme) {
  return parse_integer<std::int64_t>(lexeme) || parse_integer<std::uint64_t>(lexeme);
}

value_kind kind_of_json(std::string_view raw) {
  switch (raw[0]) {
    case '"': return value_kind::string;
    case '[': return value_kind::array;
    case '{': return is_bin_object(raw) ? value_kind::binary : value_kind::map;
    case 't':
    case 'f': return value_kind::boolean;
    case 'n': return value_kind::null;
    default: return is_integer(raw) ? value_kind::integer : value_kind::real;
  }
}

value_kind kind_of_msgpack(std::string_view raw) {
  using kind = msgpack_token::kind;
  switch (token_of_msgpack(raw).what) {
    case kind::boolean: return value_kind::boolean;
    case kind::unsigned_integer:
    case kind::negative_integer: return value_kind::integer;
    case kind::real: return value_kind::real;
    case kind::string: return value_kind::string;
    case kind::binary: return value_kind::binary;
    case kind::array: return value_kind::array;
    case kind::map: return value_kind::map;
    default: return value_kind::null;
  }
}

} // namespace

value_kind kind_of(codec source, std::string_view raw) {
  if (raw.empty())
    return value_kind::absent;
  return source == codec::json ? kind_of_json(raw) : kind_of_msgpack(raw);
}

std::optional<std::string> read_string(codec source, std::string_view raw) {
  if (raw.empty())
    return std::nullopt;
  if (source == codec::msgpack) {
    const auto token = token_of_msgpack(raw);
    return token.what == msgpack_token::kind::string ? std::optional<std::string>{token.text}
                                                     : std::nullopt;
  }
  const auto token = token_of_json(raw);
  if (token.what != json_token::kind::string || raw[0] != '"')
    return std::nullopt;
  if (!token.escaped)
    return std::string{token.inner()};
  std::string text;
  const bool whole = append_unescaped(text, token.inner());
  return whole ? std::optional{std::move(text)} : std::nullopt;
}

std::optional<std::size_t> string_bytes(codec source, std::string_view raw) {
  if (raw.empty())
    return std::nullopt;
  if (source == codec::json && raw[0] == '"' && raw.find('\\') == std::string_view::npos)
    return raw.size() - 2;
  const auto text = read_string(source, raw);
  return text ? std::optional{text->size()} : std::nullopt;
}

std::string_view binary_bytes(std::string_view raw) { return token_of_msgpack(raw).text; }

std::string decoded_binary(std::string_view raw) {
  std::string bytes;
  std::string storage;
  append_from_base64(bytes, text_of(token_of_json(find_field(codec::json, raw, bin_key)), storage));
  return bytes;
}

std::optional<std::int64_t> read_integer(codec source, std::string_view raw) {
  if (raw.empty())
    return std::nullopt;
  if (source == codec::json)
    return parse_integer<std::int64_t>(raw);
  const auto token = token_of_msgpack(raw);
  const auto value = static_cast<std::int64_t>(token.number);
  if (token.what == msgpack_token::kind::negative_integer)
    return value;
  return token.what == msgpack_token::kind::unsigned_integer && value >= 0 ? std::optional{value}
                                                                           : std::nullopt;
}

std::optional<std::uint64_t> read_unsigned(codec source, std::string_view raw) {
  if (raw.empty())
    return std::nullopt;
  if (source == codec::json)
    return parse_integer<std::uint64_t>(raw);
  const auto token = token_of_msgpack(raw);
  return token.what == msgpack_token::kind::unsigned_integer ? std::optional{token.number}
                                                             : std::nullopt;
}

std::optional<double> read_number(codec source, std::string_view raw) {
  const auto kind = kind_of(source, raw);
  if (kind != value_kind::integer && kind != value_kind::real)
    return std::nullopt;
  if (source == codec::json)
    return parse_real(raw);
  const auto token = token_of_msgpack(raw);
  if (token.what == msgpack_token::kind::negative_integer)
    return static_cast<double>(static_cast<std::int64_t>(token.number));
  return kind == value_kind::integer ? static_cast<double>(token.number) : token.real;
}

std::optional<bool> read_boolean(codec source, std::string_view raw) {
  if (kind_of(source, raw) != value_kind::boolean)
    return std::nullopt;
  return source == codec::json ? raw[0] == 't' : token_of_msgpack(raw).number != 0;
}

} // namespace troupe::protocol
