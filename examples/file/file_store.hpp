#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace troupe::examples {

/// A folder that takes files and never loses one. It overwrites no file and keeps no half-written
/// one.
class file_store {
public:
  /// Makes the folder if there is none, and removes half-written files of writers that have
  /// crashed.
  /// Errors: `std::filesystem::filesystem_error`, also if the folder is not writable.
  explicit file_store(std::filesystem::path folder);

  /// Writes a whole file and returns its name: `wanted` made safe, with a number if that was taken.
  /// Cost: the writing, and look-ups: twice the logarithm of the number of files with that name.
  /// Errors: `std::system_error`; no file is left then. Thread: any; several at a time.
  std::string save(std::string_view wanted, std::string_view bytes) const;

private:
  std::filesystem::path folder_;
};

/// Makes a file name harmless. Takes the last part of a path; in it, keeps letters of any script,
/// digits, `-`, `_`, `.` and spaces, but nothing that controls a terminal, the lines or the
/// direction of the text, and writes `_` for the rest. The name has at most 100 bytes and no dot in
/// front; it is `received-file.bin` if nothing is left.
[[nodiscard]] std::string safe_file_name(std::string_view wanted);

} // namespace troupe::examples
