#include "roster.hpp"

namespace troupe::examples {

namespace {

void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (unsigned char c : text) {
    if (c < 0x20) {
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
      continue;
    }
    if (c == '"' || c == '\\')
      out += '\\';
    out += static_cast<char>(c);
  }
  out += '"';
}

} // namespace

void roster::add(std::string_view user_id, std::string_view name) {
  if (size_++ > 0)
    entries_ += ',';
  entries_ += R"({"userId":)";
  append_string(entries_, user_id);
  entries_ += R"(,"username":)";
  append_string(entries_, name);
  entries_ += '}';
}

} // namespace troupe::examples
