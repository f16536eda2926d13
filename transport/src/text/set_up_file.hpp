#pragma once

#include <filesystem>
#include <system_error>

namespace troupe::transport {

/// Why a file that is there is not to be read while a server is set up; null: it is. A folder has
/// no text, who opens a pipe waits for who writes to it, and a device may never end.
[[nodiscard]] inline const char* problem_of_file(const std::filesystem::path& file) {
  std::error_code ignored; // what else is wrong with it, its reader says
  auto status = std::filesystem::status(file, ignored);
  if (std::filesystem::is_directory(status))
    return "Is a directory";
  return std::filesystem::is_other(status) ? "Not a regular file" : nullptr;
}

} // namespace troupe::transport
