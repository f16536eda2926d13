#include "text/percent.hpp"

#include <charconv>
#include <cstddef>
#include <system_error>

namespace troupe::transport {

namespace {

/// The byte that `%XX` at the start of `text` stands for.
std::optional<char> escape_at(std::string_view text) {
  if (text.size() < 3 || text[0] != '%')
    return std::nullopt;
  unsigned byte = 0;
  const auto read = std::from_chars(text.data() + 1, text.data() + 3, byte, 16);
  return read.ec == std::errc{} && read.ptr == text.data() + 3
         ? std::optional{static_cast<char>(byte)}
         : std::nullopt;
}

} // namespace

std::string decode_query_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto escaped = escape_at(text);
    out.push_back(escaped ? *escaped : text[0] == '+' ? ' ' : text[0]);
    text.remove_prefix(escaped ? 3 : 1);
  }
  return out;
}

std::optional<std::string> decode_path_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto escaped = escape_at(text);
    if (!escaped && text[0] == '%')
      return std::nullopt;
    const auto byte = escaped.value_or(text[0]);
    if (byte == '\0')
      return std::nullopt;
    out.push_back(byte);
    text.remove_prefix(escaped ? 3 : 1);
  }
  return out;
}

} // namespace troupe::transport
