#pragma once

#include "msgpack/msgpack_token.hpp"
#include "text/scan.hpp"
#include "text/unicode.hpp"

#include <troupe/protocol/limits.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace troupe::protocol {

/// Walks one MessagePack document and hands its parts to a handler (see scan.hpp). Hands over a key
/// that is not a string as a value.
///
/// Cost: one pass, no recursion, no allocation of its own; a declared count sizes nothing.
template <class Handler>
class msgpack_scanner {
public:
  msgpack_scanner(std::string_view bytes, std::size_t max_depth, Handler& handler)
    : rest_(bytes), max_depth_(supported_depth(max_depth)), handler_(handler) {}

  [[nodiscard]] scan_status run() {
    auto status = item();
    while (status == scan_status::ok && depth_ != 0)
      status = open_[depth_ - 1].items_left == 0 ? close() : item();
    return status == scan_status::ok && !rest_.empty() ? scan_status::malformed : status;
  }

private:
  struct level {
    std::uint64_t items_left; ///< elements, or keys and values
    bool map;
  };

  scan_status item() {
    msgpack_token token;
    if (!read_msgpack_token(rest_, token))
      return scan_status::malformed;
    const bool in_key_position = take_place();
    const bool is_key = in_key_position && token.what == msgpack_token::kind::string;
    if (in_key_position && !is_key)
      if (const auto status = handler_.broken(payload_rule::key_type); status != scan_status::ok)
        return status;
    if (const auto status = check(token); status != scan_status::ok)
      return status;
    rest_.remove_prefix(token.raw.size());
    if (token.is_container())
      return open(token);
    if (token.what == msgpack_token::kind::binary && depth_ == max_depth_)
      return scan_status::too_deep; // in JSON it is an object, which adds a level
    return is_key ? handler_.key(token) : handler_.scalar(token);
  }

  /// Counts the next item against the open container; true if it stands where a key does.
  bool take_place() {
    if (depth_ == 0)
      return false;
    auto& top = open_[depth_ - 1];
    return top.items_left-- % 2 == 0 && top.map;
  }

  scan_status check(const msgpack_token& token) {
    if (Handler::trusted)
      return scan_status::ok;
    switch (token.what) {
      case msgpack_token::kind::string:
        return is_utf8(token.text) ? scan_status::ok : scan_status::malformed;
      case msgpack_token::kind::real:
        return std::isfinite(token.real) ? scan_status::ok
                                         : handler_.broken(payload_rule::number_range);
      case msgpack_token::kind::extension: return handler_.broken(payload_rule::extension);
      default: return scan_status::ok;
    }
  }

  scan_status open(const msgpack_token& token) {
    if (depth_ == max_depth_)
      return scan_status::too_deep;
    const bool map = token.what == msgpack_token::kind::map;
    open_[depth_++] = {map ? 2 * token.number : token.number, map};
    return handler_.begin(token.raw.data(), map);
  }

  scan_status close() { return handler_.end(rest_.data(), open_[--depth_].map); }

  std::string_view rest_;
  const std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::array<level, max_supported_depth> open_;
  Handler& handler_;
};

} // namespace troupe::protocol
