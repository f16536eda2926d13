#pragma once

#include <filesystem>
#include <string_view>

namespace troupe::examples {

/// A file that is being written, under a hidden name of its own. The destructor removes that name.
/// A crash leaves the file unlocked, so that the next start recognises and removes it.
///
/// Errors: `std::system_error`, from all functions. Thread: one.
class draft {
public:
  explicit draft(const std::filesystem::path& folder);
  draft(const draft&) = delete;
  draft& operator=(const draft&) = delete;
  ~draft();

  void write(std::string_view bytes) const;

  /// Keeps the file as `name`; returns false if that is taken.
  [[nodiscard]] bool keep_as(const std::filesystem::path& name) const;

  /// Removes the drafts in `folder` that no process is writing. Those that cannot be removed stay.
  static void remove_left_ones(const std::filesystem::path& folder);

private:
  void create(const std::filesystem::path& folder);

  std::filesystem::path path_;
  int fd_ = -1;
};

} // namespace troupe::examples
