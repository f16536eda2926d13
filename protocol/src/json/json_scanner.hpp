#pragma once

#include "json/json_text.hpp"
#include "text/scan.hpp"

#include <troupe/protocol/limits.hpp>

#include <algorithm>
#include <bitset>
#include <utility>

namespace troupe::protocol {

/// Walks one JSON text by the grammar of RFC 8259 and hands its parts to a handler (see scan.hpp).
///
/// Precondition: the text is valid UTF-8. Cost: one pass, no recursion, no allocation of its own.
template <class Handler>
class json_scanner {
public:
  json_scanner(std::string_view text, std::size_t max_depth, Handler& handler)
    : at_(text.data()),
      end_(text.data() + text.size()),
      max_depth_(supported_depth(max_depth)),
      handler_(handler) {}

  [[nodiscard]] scan_status run() {
    skip_space();
    auto status = value();
    while (status == scan_status::ok && depth_ != 0)
      status = next();
    if (status != scan_status::ok)
      return status;
    skip_space();
    return at_ == end_ ? scan_status::ok : scan_status::malformed;
  }

private:
  /// Reads the next element or member of the open container, or its end.
  scan_status next() {
    skip_space();
    const bool map = is_map_[depth_ - 1];
    const bool first = std::exchange(fresh_, false);
    if (at_ == end_)
      return scan_status::malformed;
    if (*at_ == (map ? '}' : ']'))
      return close(map);
    if (!first && !skip_mark(','))
      return scan_status::malformed;
    if (!map)
      return value();
    const auto status = key();
    return status == scan_status::ok ? value() : status;
  }

  scan_status key() {
    json_token token{json_token::kind::string, false, {}};
    if (at_ == end_ || *at_ != '"')
      return scan_status::malformed;
    if (const auto status = lex_string(token); status != scan_status::ok)
      return status;
    skip_space();
    if (!skip_mark(':'))
      return scan_status::malformed;
    return handler_.key(token);
  }

  scan_status value() {
    switch (at_ == end_ ? '\0' : *at_) {
      case '{': return open(true);
      case '[': return open(false);
      case '"': return string();
      case 't': return literal("true", json_token::kind::boolean);
      case 'f': return literal("false", json_token::kind::boolean);
      case 'n': return literal("null", json_token::kind::null);
      default: return number();
    }
  }

  scan_status open(bool map) {
    if (depth_ == max_depth_)
      return scan_status::too_deep;
    is_map_[depth_++] = map;
    fresh_ = true;
    return handler_.begin(at_++, map);
  }

  scan_status close(bool map) {
    --depth_;
    return handler_.end(++at_, map);
  }

  scan_status string() {
    json_token token{json_token::kind::string, false, {}};
    const auto status = lex_string(token);
    return status == scan_status::ok ? handler_.scalar(token) : status;
  }

  scan_status literal(std::string_view word, json_token::kind kind) {
    if (std::string_view{at_, end_}.substr(0, word.size()) != word)
      return scan_status::malformed;
    const json_token token{kind, false, {at_, word.size()}};
    at_ += word.size();
    return handler_.scalar(token);
  }

  scan_status number() {
    json_token token{json_token::kind::integer, false, {}};
    if (!lex_number(token))
      return scan_status::malformed;
    if (!Handler::trusted && may_overflow(token) && !parse_real(token.raw))
      if (const auto status = handler_.broken(payload_rule::number_range);
          status != scan_status::ok)
        return status;
    return handler_.scalar(token);
  }

  bool lex_number(json_token& token) {
    const char* const begin = at_;
    skip_char('-');
    if (!skip_char('0') && !skip_digits())
      return false;
    if (skip_char('.')) {
      token.what = json_token::kind::real;
      if (!skip_digits())
        return false;
    }
    if (skip_char('e') || skip_char('E')) {
      token.what = json_token::kind::real;
      if (!skip_char('+'))
        skip_char('-');
      if (!skip_digits())
        return false;
    }
    token.raw = {begin, at_};
    return true;
  }

  /// Reads the string whose opening quote is here.
  scan_status lex_string(json_token& token) {
    const char* const begin = at_++;
    for (;;) {
      at_ = find_special(at_, end_);
      if (at_ == end_)
        return scan_status::malformed;
      if (*at_ == '"')
        break;
      if (*at_ != '\\')
        return scan_status::malformed;
      token.escaped = true;
      if (const auto status = lex_escape(); status != scan_status::ok)
        return status;
    }
    token.raw = {begin, ++at_};
    return scan_status::ok;
  }

  scan_status lex_escape() {
    constexpr std::string_view letters = "\"\\/bfnrt";
    if (end_ - at_ < 2)
      return scan_status::malformed;
    if (at_[1] == 'u')
      return lex_unicode_escape();
    if (letters.find(at_[1]) == std::string_view::npos)
      return scan_status::malformed;
    at_ += 2;
    return scan_status::ok;
  }

  scan_status lex_unicode_escape() {
    const auto unit = unicode_escape_at(at_);
    if (!unit)
      return scan_status::malformed;
    at_ += 6;
    if (is_high_surrogate(*unit)) {
      const auto second = unicode_escape_at(at_);
      if (second && is_low_surrogate(*second)) {
        at_ += 6;
        return scan_status::ok;
      }
    } else if (!is_low_surrogate(*unit)) {
      return scan_status::ok;
    }
    return handler_.broken(payload_rule::lone_surrogate);
  }

  [[nodiscard]] std::optional<char32_t> unicode_escape_at(const char* at) const {
    if (end_ - at < 6 || at[0] != '\\' || at[1] != 'u')
      return std::nullopt;
    return parse_hex4({at + 2, 4});
  }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
      ++at_;
  }

  bool skip_char(char c) {
    if (at_ == end_ || *at_ != c)
      return false;
    ++at_;
    return true;
  }

  /// Skips a comma or colon, and the white space behind it.
  bool skip_mark(char c) {
    if (!skip_char(c))
      return false;
    skip_space();
    return true;
  }

  bool skip_digits() {
    const char* const begin = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9')
      ++at_;
    return at_ != begin;
  }

  const char* at_;
  const char* const end_;
  const std::size_t max_depth_;
  std::size_t depth_ = 0;
  bool fresh_ = false; ///< the open container has no element yet
  std::bitset<max_supported_depth> is_map_;
  Handler& handler_;
};

} // namespace troupe::protocol
