#include "ws_utf8.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

namespace troupe::transport {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

bool is_continuation(std::uint8_t byte) { return (byte & 0xc0) == 0x80; }

/// The bytes of the character that begins with `lead`; 1 where none does.
std::size_t announced_bytes(std::uint8_t lead) {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/// How many of the last bytes belong to a character that is not whole.
std::size_t open_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = byte_at(text, text.size() - back);
    if (!is_continuation(byte))
      return announced_bytes(byte) > back ? back : 0;
  }
  return 0;
}

/// Whether a character can begin with these bytes, continuations but for the first. Source: RFC
/// 3629, 4.
bool may_begin(std::string_view text) {
  if (text.empty())
    return true;
  const auto lead = byte_at(text, 0);
  if (lead < 0xc2 || lead > 0xf4)
    return false;
  if (text.size() == 1)
    return true;
  const auto second = byte_at(text, 1);
  const auto overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const auto surrogate = lead == 0xed && second > 0x9f;
  const auto too_large = lead == 0xf4 && second > 0x8f;
  return !overlong && !surrogate && !too_large;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

bool growing_text::may_go_on(std::string_view text) noexcept {
  const auto fresh = text.substr(checked_);
  const auto whole = fresh.size() - open_bytes(fresh);
  if (!is_utf8(fresh.substr(0, whole)) || !may_begin(fresh.substr(whole)))
    return false;
  checked_ += whole;
  return true;
}

} // namespace troupe::transport
