#include <utility>

#include "http/static_files.hpp"

#include "http/accepted_codings.hpp"
#include "http/byte_range.hpp"
#include "http/http_message.hpp"
#include "http/media_types.hpp"
#include "http/preconditions.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

namespace troupe::transport {

namespace fs = std::filesystem;

namespace {

struct coding {
  std::string_view name;
  std::string_view ending;
};

/// Those of files beside a file, the best first.
constexpr std::array<coding, 2> codings{{{"br", ".br"}, {"gzip", ".gz"}}};

constexpr std::string_view identity = "identity";

bool is_below(const fs::path& folder, const fs::path& file) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first
      == folder.end();
}

/// Whether a name on the way to a file starts with a dot: such files (`.env`, `.git`) are not for
/// the public. Those of `.well-known` are (RFC 8615).
bool is_hidden(const fs::path& below) {
  return std::any_of(below.begin(), below.end(), [](const fs::path& part) {
    return part.native().starts_with('.') && part != ".well-known";
  });
}

std::string hex(std::uint64_t number) {
  std::array<char, 16> text;
  auto written = std::to_chars(text.data(), text.data() + text.size(), number, 16);
  return {text.data(), written.ptr};
}

/// The tag names the coding, too: the bytes are others (RFC 9110, 8.8.3.3).
validators validators_of(const file_version& version, std::string_view coded, http_time now) {
  using namespace std::chrono;
  auto changed = static_cast<std::uint64_t>(version.modified.time_since_epoch().count());
  auto tag = '"' + hex(version.bytes) + '-' + hex(changed);
  if (coded != identity)
    tag.append("-").append(coded);
  return {tag + '"', floor<seconds>(std::min<sys_time<nanoseconds>>(version.modified, now))};
}

http_answer not_acceptable() {
  auto response = plain_answer(406, "There is no coding of this file that the client takes.");
  response.headers = {{"Vary", "Accept-Encoding"}};
  return {std::move(response)};
}

/// Sends the client on to the path of the folder, so that relative links of its page lead below it.
/// The place is relative, too: of a path that begins with two slashes, another host could be read.
http_answer moved_into_folder(std::string_view target) {
  target = target.substr(0, target.find('#'));
  auto path = target.substr(0, target.find('?'));
  auto name = path.substr(path.rfind('/') + 1);
  auto response = plain_answer(301, "This folder has a slash at its end.");
  response.headers = {
    {"Location", std::string{"./"}.append(name).append("/").append(target.substr(path.size()))},
    {"Cache-Control", "no-cache"}};
  return {std::move(response)};
}

std::string content_range(byte_range part, std::uint64_t all) {
  return "bytes " + std::to_string(part.begin) + '-' + std::to_string(part.begin + part.bytes - 1)
       + '/' + std::to_string(all);
}

} // namespace

/// What a client is answered with, of all that there is at a path.
struct static_files::representation {
  found_file found;
  std::string_view coding = identity;
  bool has_others = false; ///< which one a client gets depends on what it takes
  std::string_view media_type{};

  [[nodiscard]] http_response head(unsigned status, const validators& current) const {
    http_response r;
    r.status = status;
    r.content_type = media_type;
    r.headers = {{"ETag", current.etag},
                 {"Last-Modified", http_date(current.last_modified)},
                 {"Cache-Control", "no-cache"},
                 {"Accept-Ranges", "bytes"}};
    if (has_others)
      r.headers.emplace_back("Vary", "Accept-Encoding");
    if (coding != identity && status != 304)
      r.headers.emplace_back("Content-Encoding", coding);
    return r;
  }
};

static_files::static_files(const fs::path& folder, std::shared_ptr<file_windows> windows)
  : folder_(fs::canonical(folder)), windows_(std::move(windows)) {}

bool static_files::has(std::string_view path) const { return find(path).has_value(); }

/// Opens a file whose name may be a link or a way through links.
std::optional<static_files::found_file> static_files::open(const fs::path& file) const {
  std::error_code ec; // what cannot be looked at is not there
  auto real = fs::canonical(file, ec);
  if (ec || !is_below(folder_, real) || !fs::is_regular_file(real, ec))
    return std::nullopt;
  auto below = real.lexically_relative(folder_);
  if (is_hidden(below))
    return std::nullopt;
  auto opened = open_file::open(folder_, below);
  return opened ? std::optional{found_file{std::move(below), std::move(*opened)}} : std::nullopt;
}

std::optional<static_files::found_file> static_files::find(std::string_view path) const {
  auto file = folder_ / fs::path{path}.relative_path();
  std::error_code ec;
  auto is_folder = fs::is_directory(file, ec);
  auto found = open(is_folder ? file / "index.html" : file);
  if (found)
    found->is_index = is_folder;
  return found;
}

/// Nothing if the client takes none of them.
std::optional<static_files::representation> static_files::choose(const http_request& request,
                                                                 found_file plain) const {
  auto name = plain.below;
  const accepted_codings accepted{list_header(request.headers, "Accept-Encoding")};
  representation best{std::move(plain)};
  auto weight = accepted.weight_of(identity);
  auto is_coded_better = [&](accepted_codings::weight w) {
    return best.coding == identity ? w >= weight : w > weight;
  };
  for (auto& c : codings) {
    auto coded = open(folder_ / fs::path{name}.concat(c.ending));
    if (!coded)
      continue;
    best.has_others = true;
    if (auto w = accepted.weight_of(c.name); w > 0 && is_coded_better(w)) {
      best.found = std::move(*coded);
      best.coding = c.name;
      weight = w;
    }
  }
  best.media_type = media_type_of(name.native());
  return weight > 0 ? std::optional{std::move(best)} : std::nullopt;
}

/// Nothing if the file has changed meanwhile.
std::optional<http_answer> static_files::answer(const http_request& request,
                                                const representation& chosen, http_time now) const {
  auto& version = chosen.found.file.version();
  auto current = validators_of(version, chosen.coding, now);
  auto verdict = judge(request, current, now);
  if (verdict == precondition::failed)
    return http_answer{plain_answer(412, "This file is not in the state that was asked for.")};
  if (verdict == precondition::not_modified)
    return http_answer{chosen.head(304, current)};
  auto part = request.method == "GET" && allows_range(request, current)
              ? requested_range(list_header(request.headers, "Range"), version.bytes)
              : std::nullopt;
  if (part && part->bytes == 0) {
    http_answer a{chosen.head(416, current)};
    a.response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(version.bytes));
    return a;
  }
  http_answer a{chosen.head(part ? 206 : 200, current)};
  if (part)
    a.response.headers.emplace_back("Content-Range", content_range(*part, version.bytes));
  auto file = std::make_shared<file_part>(
    file_part{folder_, chosen.found.below, version, part.value_or(byte_range{0, version.bytes})});
  if (auto window = file->window_at(0); request.method == "GET" && window.bytes > 0) {
    if (windows_ && !(a.window = windows_->take(window.bytes)))
      return http_answer{too_many_files()};
    if (!chosen.found.file.read(window, a.response.body))
      return std::nullopt;
  }
  a.file = std::move(file);
  return a;
}

std::optional<http_answer> static_files::serve(const http_request& request, http_time now) const {
  constexpr int tries = 3;
  for (int i = 0; i < tries; ++i) {
    auto plain = find(request.path);
    if (!plain)
      return std::nullopt;
    if (plain->is_index && !request.path.ends_with('/'))
      return moved_into_folder(request.target);
    auto chosen = choose(request, std::move(*plain));
    if (!chosen)
      return not_acceptable();
    if (auto a = answer(request, *chosen, now))
      return a;
  }
  throw std::runtime_error{"a file cannot be read, or changes each time that it is read"};
}

} // namespace troupe::transport
