#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::test {

/// A file with the given content, which the destructor removes.
class temporary_file {
public:
  explicit temporary_file(std::string_view content) {
    auto name = (std::filesystem::temp_directory_path() / "troupe_test_XXXXXX").string();
    auto fd = ::mkstemp(name.data());
    if (fd < 0)
      throw std::runtime_error{"no temporary file"};
    ::close(fd);
    path_ = name;
    std::ofstream{path_, std::ios::binary} << content;
  }
  ~temporary_file() { std::filesystem::remove(path_); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
};

} // namespace troupe::test
