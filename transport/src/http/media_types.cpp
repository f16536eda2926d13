#include "http/media_types.hpp"

#include "text/http_text.hpp"

#include <array>
#include <utility>

namespace troupe::transport {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 28> types{{
  {"html", "text/html; charset=utf-8"},
  {"htm", "text/html; charset=utf-8"},
  {"css", "text/css; charset=utf-8"},
  {"js", "text/javascript; charset=utf-8"},
  {"mjs", "text/javascript; charset=utf-8"},
  {"json", "application/json"},
  {"map", "application/json"},
  {"webmanifest", "application/manifest+json"},
  {"svg", "image/svg+xml"},
  {"png", "image/png"},
  {"jpg", "image/jpeg"},
  {"jpeg", "image/jpeg"},
  {"gif", "image/gif"},
  {"webp", "image/webp"},
  {"avif", "image/avif"},
  {"ico", "image/x-icon"},
  {"wasm", "application/wasm"},
  {"mp3", "audio/mpeg"},
  {"ogg", "audio/ogg"},
  {"wav", "audio/wav"},
  {"mp4", "video/mp4"},
  {"webm", "video/webm"},
  {"woff", "font/woff"},
  {"woff2", "font/woff2"},
  {"txt", "text/plain; charset=utf-8"},
  {"xml", "application/xml"},
  {"pdf", "application/pdf"},
  {"gz", "application/gzip"},
}};

/// What follows the last dot of a name that has something before it.
std::string_view ending_of(std::string_view path) noexcept {
  auto name = path.substr(path.rfind('/') + 1); // `npos` + 1 is 0
  auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : name.substr(dot + 1);
}

} // namespace

std::string_view media_type_of(std::string_view name) noexcept {
  auto ending = ending_of(name);
  for (auto& [known, type] : types)
    if (equal_ignoring_case(ending, known))
      return type;
  return "application/octet-stream";
}

} // namespace troupe::transport
