#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace troupe::examples {

/// A folder that takes files and never loses one: nothing is overwritten, and nothing half-written
/// stays.
class file_store {
public:
  /// Makes the folder if it is not there, and removes what writers that have crashed left
  /// half-written in it. Errors: `std::filesystem::filesystem_error`, also if it cannot be written
  /// to.
  explicit file_store(std::filesystem::path folder);

  /// Writes a whole file and returns the name it got: `wanted` made safe, with a number if that was
  /// taken. Cost: besides the writing twice the logarithm of how many files go by that name.
  /// Errors: `std::system_error`; nothing is left then. Thread: any; several at a time.
  std::string save(std::string_view wanted, std::string_view bytes) const;

private:
  std::filesystem::path folder_;
};

/// A file name that can do no harm: the last part of a path, letters of any script, digits, `-`,
/// `_`, `.` and spaces, nothing that controls a terminal, the lines or the direction of the text;
/// at most 100 bytes, no dot in front; `received-file.bin` if nothing is left.
[[nodiscard]] std::string safe_file_name(std::string_view wanted);

} // namespace troupe::examples
