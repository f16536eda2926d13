#include <troupe/protocol/command.hpp>

#include "text/unicode.hpp"

namespace troupe::protocol {

namespace {

/// Precondition: `text` is valid UTF-8 and not empty.
code_point last_code_point_of(std::string_view text) noexcept {
  auto start = text.size() - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80)
    --start;
  return first_code_point(text.substr(start));
}

} // namespace

bool is_room_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > max_room_name_bytes || !is_utf8(name))
    return false;
  if (is_white_space(first_code_point(name).value)
      || is_white_space(last_code_point_of(name).value))
    return false;
  return is_plain_text(name);
}

} // namespace troupe::protocol
