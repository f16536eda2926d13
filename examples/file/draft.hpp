#pragma once

#include <filesystem>
#include <string_view>

namespace troupe::examples {

/// A file that is being written, under a hidden name of its own. It is removed again unless it was
/// kept, and a crash leaves it unlocked, so that the next start can tell and remove it.
///
/// Errors: `std::system_error`, from all of it. Thread: one.
class draft {
public:
  explicit draft(const std::filesystem::path& folder);
  draft(const draft&) = delete;
  draft& operator=(const draft&) = delete;
  ~draft();

  void write(std::string_view bytes) const;

  /// Whether `name` was free; the file then goes by it.
  [[nodiscard]] bool keep_as(const std::filesystem::path& name) const;

  /// Removes the drafts in `folder` that nobody is writing, in whichever process. What cannot be
  /// removed stays.
  static void remove_left_ones(const std::filesystem::path& folder);

private:
  void create(const std::filesystem::path& folder);

  std::filesystem::path path_;
  int fd_ = -1;
};

} // namespace troupe::examples
