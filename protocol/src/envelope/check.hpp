#pragma once

#include "envelope/field_table.hpp"
#include "json/json_text.hpp"
#include "msgpack/msgpack_token.hpp"
#include "text/scan.hpp"

#include <troupe/protocol/base64.hpp>

namespace troupe::protocol {

inline bool is_text(const json_token& token) noexcept {
  return token.what == json_token::kind::string;
}
inline bool is_text(const msgpack_token& token) noexcept {
  return token.what == msgpack_token::kind::string;
}

inline std::string_view text_of(const msgpack_token& token, std::string&) { return token.text; }

/// A handler that collects the top-level fields and ignores the payload rules.
class field_collector {
public:
  static constexpr bool trusted = false;

  explicit field_collector(field_table& fields) : fields_(fields) {}

  /// Whether the document is a map at all.
  [[nodiscard]] bool is_map() const noexcept { return is_map_; }

  scan_status begin(const char* at, bool map) noexcept {
    if (depth_ == 0)
      is_map_ = map;
    if (depth_ == 1)
      value_ = at;
    ++depth_;
    return scan_status::ok;
  }

  scan_status end(const char* behind, bool) {
    if (--depth_ == 1)
      fields_.close({value_, static_cast<std::size_t>(behind - value_)});
    return scan_status::ok;
  }

  scan_status key(const json_token& token) {
    if (depth_ == 1 && !token.escaped)
      fields_.open(token.inner());
    else if (depth_ == 1)
      fields_.open_decoded(decoded(token));
    return scan_status::ok;
  }

  scan_status key(const msgpack_token& token) noexcept {
    if (depth_ == 1)
      fields_.open(token.text);
    return scan_status::ok;
  }

  template <class Token>
  scan_status scalar(const Token& token) {
    if (depth_ == 1)
      fields_.close(token.raw);
    return scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  static std::string decoded(const json_token& token) {
    std::string text;
    append_unescaped(text, token.inner());
    return text;
  }

  field_table& fields_;
  std::size_t depth_ = 0;
  const char* value_ = nullptr; ///< where the open top-level container starts
  bool is_map_ = false;
};

/// A handler that also checks the payload rules and names the first one broken.
class payload_checker {
public:
  static constexpr bool trusted = false;

  explicit payload_checker(field_table& fields) : collector_(fields) {}

  [[nodiscard]] bool is_map() const noexcept { return collector_.is_map(); }
  [[nodiscard]] payload_rule broken_rule() const noexcept { return broken_; }

  scan_status begin(const char* at, bool map) {
    if (bin_ != bin_state::none)
      return broken(payload_rule::bin_key);
    fresh_ = true;
    return collector_.begin(at, map);
  }

  scan_status end(const char* behind, bool map) {
    bin_ = bin_state::none;
    fresh_ = false;
    return collector_.end(behind, map);
  }

  template <class Token>
  scan_status key(const Token& token) {
    if (bin_ != bin_state::none)
      return broken(payload_rule::bin_key);
    if (may_be_special(token))
      if (const auto status = check_key(token); status != scan_status::ok)
        return status;
    fresh_ = false;
    return collector_.key(token);
  }

  template <class Token>
  scan_status scalar(const Token& token) {
    if (bin_ != bin_state::none) {
      if (bin_ != bin_state::wants_value || !holds_base64(token))
        return broken(payload_rule::bin_key);
      bin_ = bin_state::wants_end;
    }
    return collector_.scalar(token);
  }

  scan_status broken(payload_rule rule) noexcept {
    broken_ = rule;
    return scan_status::refused;
  }

private:
  enum class bin_state : std::uint8_t { none, wants_value, wants_end };

  static bool may_be_special(const json_token& token) {
    return token.escaped || token.raw[1] == '$' || token.raw[1] == '_';
  }
  static bool may_be_special(const msgpack_token& token) {
    return token.text.starts_with('$') || token.text.starts_with('_');
  }

  scan_status check_key(const json_token& token) {
    std::string storage;
    const auto text = text_of(token, storage);
    if (text == proto_key)
      return broken(payload_rule::proto_key);
    if (text != bin_key)
      return scan_status::ok;
    if (!fresh_)
      return broken(payload_rule::bin_key);
    bin_ = bin_state::wants_value;
    return scan_status::ok;
  }

  /// A map with the key `$bin` would mean a byte string in JSON.
  scan_status check_key(const msgpack_token& token) {
    if (token.text == proto_key)
      return broken(payload_rule::proto_key);
    return token.text == bin_key ? broken(payload_rule::bin_key) : scan_status::ok;
  }

  template <class Token>
  static bool holds_base64(const Token& token) {
    std::string storage;
    return is_text(token) && is_canonical_base64(text_of(token, storage));
  }

  field_collector collector_;
  payload_rule broken_ = payload_rule::none;
  bin_state bin_ = bin_state::none; ///< of an object whose first key is `$bin`
  bool fresh_ = false;              ///< the innermost container was just opened
};

} // namespace troupe::protocol
