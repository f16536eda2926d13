#pragma once

#include "http/static_files.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

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

  /// The body that is served at `path`; nothing if none is.
  [[nodiscard]] std::optional<std::string> body(std::string_view path) const {
    auto response = transport::static_files{folder()}.find(path);
    return response ? std::optional{response->body} : std::nullopt;
  }

private:
  static void write(const std::filesystem::path& file, const std::string& content) {
    std::ofstream{file, std::ios::binary} << content;
  }

  std::filesystem::path top_;
};

} // namespace troupe::test
