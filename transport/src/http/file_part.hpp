#pragma once

#include "http/byte_range.hpp"
#include "net/owned_descriptor.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace troupe::transport {

/// What tells one state of a file from another: a file that is replaced, written to, or whose size
/// changes is another version, also if its time of modification is set back.
struct file_version {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t bytes = 0;
  std::chrono::sys_time<std::chrono::nanoseconds> modified{};
  std::chrono::sys_time<std::chrono::nanoseconds> touched{}; ///< `st_ctim`, which nobody sets

  bool operator==(const file_version&) const = default;
};

/// A regular file that is open for reading. Its calls may wait for a disk.
class open_file {
public:
  /// Opens the file `below` a folder, following no link on the way: what was checked is what is
  /// opened. Nothing if there is no such file, if it is no regular one, or may not be read. Throws
  /// `std::system_error` where the system fails: no descriptor is free, a disk is broken.
  [[nodiscard]] static std::optional<open_file> open(const std::filesystem::path& folder,
                                                     const std::filesystem::path& below);

  /// As it was when it was opened.
  [[nodiscard]] const file_version& version() const noexcept { return version_; }

  /// Reads a range into `into`, replacing what is there. False if the file has become another
  /// version, before the read or meanwhile, or cannot be read. Throws `std::bad_alloc`.
  [[nodiscard]] bool read(byte_range range, std::string& into) const;

private:
  open_file(owned_descriptor file, const file_version& version) noexcept
    : file_(std::move(file)), version_(version) {}

  owned_descriptor file_;
  file_version version_;
};

/// A part of one version of a file, read window by window. Between two windows the file is not
/// open: a client that does not read costs no descriptor.
struct file_part {
  /// The most bytes of a file that an answer keeps in memory.
  static constexpr std::size_t window_bytes = 256 * 1024;

  std::filesystem::path folder;
  std::filesystem::path below; ///< the file, from the folder on; no part of it is a link
  file_version version;
  byte_range range;

  /// The window that begins that many bytes into the part.
  [[nodiscard]] byte_range window_at(std::uint64_t offset) const noexcept;

  /// Reads that window. False if the file is not that version any more, or cannot be read. May wait
  /// for a disk. Throws `std::bad_alloc`, `std::system_error`.
  [[nodiscard]] bool read(std::uint64_t offset, std::string& into) const;
};

} // namespace troupe::transport
