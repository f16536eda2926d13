#pragma once

#include <filesystem>
#include <system_error>

namespace troupe::transport {

/// Why an existing file must not be read during set-up; null: it may be. A folder has no text,
/// opening a pipe waits for a writer, and a device may never end.
[[nodiscard]] inline const char* problem_of_file(const std::filesystem::path& file) {
  std::error_code ignored; // the reader reports any other problem
  auto status = std::filesystem::status(file, ignored);
  if (std::filesystem::is_directory(status))
    return "Is a directory";
  return std::filesystem::is_other(status) ? "Not a regular file" : nullptr;
}

} // namespace troupe::transport
