#include "websocket/ws_utf8.hpp"

#include "text/unicode.hpp"

#include <algorithm>
#include <cstdint>

namespace troupe::protocol {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

bool is_continuation(std::uint8_t byte) { return (byte & 0xc0) == 0x80; }

/// The size of the character that begins with `lead`, in bytes; 1 if none does.
std::size_t announced_bytes(std::uint8_t lead) {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/// How many of the last bytes belong to an incomplete character.
std::size_t open_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = byte_at(text, text.size() - back);
    if (!is_continuation(byte))
      return announced_bytes(byte) > back ? back : 0;
  }
  return 0;
}

/// Whether a character can begin with `text`. Precondition: all bytes behind the first are
/// continuations. Source: RFC 3629, 4.
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

/// Moves the rest of the open character from the front of `fresh` to it, as far as it has come.
/// Returns whether that can still be UTF-8.
bool growing_text::complete(std::string_view& fresh) noexcept {
  const auto all = announced_bytes(static_cast<std::uint8_t>(open_[0]));
  for (; open_bytes_ < all && !fresh.empty(); fresh.remove_prefix(1)) {
    if (!is_continuation(byte_at(fresh, 0)))
      return false;
    open_[open_bytes_++] = fresh.front();
  }
  const std::string_view character{open_.data(), open_bytes_};
  if (open_bytes_ < all)
    return may_begin(character);
  open_bytes_ = 0;
  return is_utf8(character);
}

bool growing_text::may_go_on(std::string_view fresh) noexcept {
  if (open_bytes_ > 0 && !complete(fresh))
    return false;
  if (fresh.empty())
    return true;
  const auto rest = fresh.substr(fresh.size() - open_bytes(fresh));
  if (!is_utf8(fresh.substr(0, fresh.size() - rest.size())) || !may_begin(rest))
    return false;
  open_bytes_ =
    static_cast<std::uint8_t>(std::copy(rest.begin(), rest.end(), open_.begin()) - open_.begin());
  return true;
}

} // namespace troupe::protocol
