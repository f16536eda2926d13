#pragma once

#include "http/static_files.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::test {

/// A folder `site` beside a file `secret.txt`. The destructor removes both.
class site {
public:
  site() {
    auto name = (std::filesystem::temp_directory_path() / "troupe_site_XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::runtime_error{"no temporary folder"};
    top_ = name;
    std::filesystem::create_directories(folder() / "sub");
    write(top_ / "secret.txt", "secret");
  }
  ~site() { std::filesystem::remove_all(top_); }
  site(const site&) = delete;
  site& operator=(const site&) = delete;

  [[nodiscard]] std::filesystem::path folder() const { return top_ / "site"; }
  [[nodiscard]] std::filesystem::path top() const { return top_; }

  void add(const std::string& name, const std::string& content) { write(folder() / name, content); }

  /// What a request for `path` is answered with; nothing if there is no such file. `query`: with
  /// its question mark.
  [[nodiscard]] std::optional<transport::http_answer> ask(
    std::string_view path, const transport::http_headers& headers = {}, std::string method = "GET",
    std::string_view query = {}) const {
    transport::http_request request;
    request.method = std::move(method);
    request.path = path;
    request.target = std::string{path}.append(query);
    request.headers = headers;
    return transport::static_files{folder()}.serve(request, now);
  }

  /// The body that is served at `path`; nothing if none is.
  [[nodiscard]] std::optional<std::string> body(std::string_view path) const {
    auto answer = ask(path);
    return answer ? std::optional{body_of(*answer)} : std::nullopt;
  }

  /// A whole body, of all its windows.
  [[nodiscard]] static std::string body_of(const transport::http_answer& answer) {
    auto all = answer.response.body;
    for (std::string window; answer.file && all.size() < answer.file->range.bytes; all += window)
      if (!answer.file->read(all.size(), window))
        throw std::runtime_error{"a window cannot be read"};
    return all;
  }

  /// When its requests come: later than every file is written.
  static constexpr transport::http_time now{std::chrono::milliseconds{4'102'444'800'000}}; // 2100

private:
  static void write(const std::filesystem::path& file, const std::string& content) {
    std::ofstream{file, std::ios::binary} << content;
  }

  std::filesystem::path top_;
};

} // namespace troupe::test
