#include "http/static_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <system_error>
#include <utility>

namespace troupe::transport {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 20> types{{
  {".html", "text/html; charset=utf-8"},
  {".css", "text/css; charset=utf-8"},
  {".js", "text/javascript; charset=utf-8"},
  {".mjs", "text/javascript; charset=utf-8"},
  {".json", "application/json"},
  {".svg", "image/svg+xml"},
  {".png", "image/png"},
  {".jpg", "image/jpeg"},
  {".jpeg", "image/jpeg"},
  {".gif", "image/gif"},
  {".wasm", "application/wasm"},
  {".mp3", "audio/mpeg"},
  {".ogg", "audio/ogg"},
  {".mp4", "video/mp4"},
  {".webm", "video/webm"},
  {".map", "application/json"},
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

bool is_below(const fs::path& folder, const fs::path& file) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first
      == folder.end();
}

std::string hex(std::uintmax_t number) {
  char text[24];
  auto written = std::to_chars(text, text + sizeof text, number, 16);
  return {text, written.ptr};
}

/// Whether an `If-None-Match` names the tag, weakly or not.
bool names_tag(std::string_view list, std::string_view tag) {
  auto elements = list_elements(list);
  return std::any_of(elements.begin(), elements.end(), [&](std::string_view e) {
    return e == "*" || (e.starts_with("W/") ? e.substr(2) : e) == tag;
  });
}

struct file_part {
  std::uintmax_t begin = 0;
  std::uintmax_t bytes = 0;
};

/// `first-last`, `first-` or `-count`; nothing if it is none of these, no bytes if it lies behind
/// the end.
std::optional<file_part> parse_range(std::string_view range, std::uintmax_t size) {
  auto dash = range.find('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  auto number = [](std::string_view text) -> std::optional<std::uintmax_t> {
    std::uintmax_t n = 0;
    auto read = std::from_chars(text.data(), text.data() + text.size(), n);
    return read.ec == std::errc{} && read.ptr == text.data() + text.size() ? std::optional{n}
                                                                           : std::nullopt;
  };
  auto first = number(range.substr(0, dash));
  auto last = number(range.substr(dash + 1));
  if (dash == 0)
    return last ? std::optional{file_part{size - std::min(size, *last), std::min(size, *last)}}
                : std::nullopt;
  if (!first || (!last && dash + 1 < range.size()) || (last && *last < *first))
    return std::nullopt;
  if (*first >= size)
    return file_part{};
  return file_part{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

http_response bodiless(unsigned status, const fs::path& file, const std::string& etag) {
  http_response response;
  response.status = status;
  response.content_type = type_of(file);
  response.headers = {{"ETag", etag},
                      {"Accept-Ranges", "bytes"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Cache-Control", "no-cache"}};
  return response;
}

/// Nothing if the file cannot be read.
std::optional<http_response> answer(const fs::path& file, const std::string& etag, file_part part) {
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return std::nullopt;
  auto response = bodiless(200, file, etag);
  response.body.resize(part.bytes);
  in.seekg(static_cast<std::streamoff>(part.begin));
  in.read(response.body.data(), static_cast<std::streamsize>(part.bytes));
  response.body.resize(static_cast<std::size_t>(in.gcount()));
  return response;
}

/// Whether a name on the way to a file starts with a dot: such files (`.env`, `.git`) are not for
/// the public. Those of `.well-known` are (RFC 8615).
bool is_hidden(const fs::path& below) {
  return std::any_of(below.begin(), below.end(), [](const fs::path& part) {
    return part.native().starts_with('.') && part != ".well-known";
  });
}

} // namespace

static_files::static_files(fs::path folder) : folder_(fs::canonical(folder)) {}

std::optional<static_files::found_file> static_files::locate(std::string_view path) const {
  std::error_code ec;
  auto file = fs::canonical(folder_ / fs::path{path}.relative_path(), ec);
  if (!ec && fs::is_directory(file, ec))
    file = fs::canonical(file / "index.html", ec);
  if (ec || !is_below(folder_, file) || is_hidden(file.lexically_relative(folder_))
      || !fs::is_regular_file(file, ec))
    return std::nullopt;
  auto bytes = fs::file_size(file, ec);
  auto changed = fs::last_write_time(file, ec).time_since_epoch().count();
  if (ec)
    return std::nullopt;
  return found_file{file, bytes,
                    '"' + hex(bytes) + '-' + hex(static_cast<std::uintmax_t>(changed)) + '"'};
}

std::optional<http_response> static_files::find(std::string_view path) const {
  auto file = locate(path);
  return file ? answer(file->path, file->etag, {0, file->bytes}) : std::nullopt;
}

std::optional<http_response> static_files::serve(const http_request& request) const {
  auto file = locate(request.path);
  if (!file)
    return std::nullopt;
  if (names_tag(request.header("If-None-Match"), file->etag))
    return bodiless(304, file->path, file->etag);
  auto range = request.method == "GET" ? request.header("Range") : std::string_view{};
  auto condition = request.header("If-Range");
  if (!range.starts_with("bytes=") || range.find(',') != std::string_view::npos
      || (!condition.empty() && condition != file->etag))
    return answer(file->path, file->etag, {0, file->bytes});
  auto part = parse_range(range.substr(6), file->bytes);
  if (!part)
    return answer(file->path, file->etag, {0, file->bytes});
  if (part->bytes == 0) {
    auto response = bodiless(416, file->path, file->etag);
    response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(file->bytes));
    return response;
  }
  auto response = answer(file->path, file->etag, *part);
  if (response) {
    response->status = 206;
    response->headers.emplace_back("Content-Range",
                                   "bytes " + std::to_string(part->begin) + '-'
                                     + std::to_string(part->begin + part->bytes - 1) + '/'
                                     + std::to_string(file->bytes));
  }
  return response;
}

} // namespace troupe::transport
