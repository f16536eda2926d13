#include "text/path.hpp"

#include "text/unicode.hpp"

namespace troupe::protocol {

namespace {

/// A key as a reference token, escaped and with its slash (RFC 6901, 3).
std::string pointer_token(std::string_view key) {
  std::string out = "/";
  for (char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string shortened(std::string path, std::size_t max_bytes) {
  constexpr std::string_view ellipsis = "...";
  if (path.size() <= max_bytes)
    return path;
  return std::string{cut_utf8(path, max_bytes - ellipsis.size())}.append(ellipsis);
}

} // namespace

void document_path::begin(bool map) {
  count_value();
  levels_.push_back({map, false, {}, 0});
}

void document_path::end() {
  levels_.pop_back();
  if (!levels_.empty())
    levels_.back().has_key = false;
}

void document_path::key(std::string_view text) {
  levels_.back().key = text;
  levels_.back().has_key = true;
}

void document_path::scalar() {
  count_value();
  if (!levels_.empty())
    levels_.back().has_key = false;
}

void document_path::count_value() {
  if (!levels_.empty())
    ++levels_.back().values;
}

std::string document_path::to_string(std::size_t max_bytes) const {
  std::string out;
  for (std::size_t i = 0; i < levels_.size() && out.size() <= max_bytes; ++i) {
    const auto& level = levels_[i];
    const bool innermost = i + 1 == levels_.size();
    if (level.map && level.has_key)
      out += pointer_token(level.key);
    else if (!level.map)
      out += '/' + std::to_string(innermost ? level.values : level.values - 1);
  }
  return shortened(std::move(out), max_bytes);
}

} // namespace troupe::protocol
