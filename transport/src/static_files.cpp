#include "static_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>

namespace troupe::transport {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> types{{
  {".html", "text/html; charset=utf-8"},
  {".css", "text/css; charset=utf-8"},
  {".js", "text/javascript; charset=utf-8"},
  {".mjs", "text/javascript; charset=utf-8"},
  {".json", "application/json"},
  {".svg", "image/svg+xml"},
  {".png", "image/png"},
  {".jpg", "image/jpeg"},
  {".ico", "image/x-icon"},
  {".webp", "image/webp"},
  {".woff2", "font/woff2"},
  {".txt", "text/plain; charset=utf-8"},
}};

std::string_view type_of(const fs::path& file) {
  auto extension = file.extension().string();
  for (auto& [ending, type] : types)
    if (extension == ending)
      return type;
  return "application/octet-stream";
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool is_below(const fs::path& folder, const fs::path& file) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end();
}

} // namespace

std::optional<std::string> decode_path(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    auto c = target[i];
    if (c == '%') {
      if (i + 2 >= target.size() || hex_digit(target[i + 1]) < 0 || hex_digit(target[i + 2]) < 0)
        return std::nullopt;
      c = static_cast<char>(hex_digit(target[i + 1]) * 16 + hex_digit(target[i + 2]));
      i += 2;
    }
    if (c == '\0')
      return std::nullopt;
    path += c;
  }
  if (!path.starts_with('/'))
    return std::nullopt;
  return path;
}

static_files::static_files(fs::path folder) : folder_(fs::canonical(folder)) {}

std::optional<http_response> static_files::find(std::string_view path) const {
  std::error_code ec;
  auto file = fs::canonical(folder_ / fs::path{path}.relative_path(), ec);
  if (!ec && fs::is_directory(file, ec))
    file = fs::canonical(file / "index.html", ec);
  if (ec || !is_below(folder_, file) || !fs::is_regular_file(file, ec))
    return std::nullopt;
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return std::nullopt;
  http_response response;
  response.body.assign(std::istreambuf_iterator<char>{in}, {});
  response.content_type = type_of(file);
  response.headers = {{"X-Content-Type-Options", "nosniff"},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", "default-src 'self'; connect-src 'self' ws: wss:"}};
  return response;
}

} // namespace troupe::transport
