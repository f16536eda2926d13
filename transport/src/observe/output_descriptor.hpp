#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string_view>

namespace troupe::transport {

/// Writes to a descriptor of the process's without ever waiting in the write, and without changing
/// its flags, which others share.
///
/// A pipe or a terminal is opened once more for that, without blocking; where that is forbidden, it
/// is asked first and given no more than it has room for. If the host puts something else in the
/// descriptor's place (log rotation by `dup2`), that is written to, but never a socket that was not
/// there from the start. Thread: one at a time.
class output_descriptor {
public:
  enum class outcome { done, stalled, failed };

  /// One that is closed by now stays closed: its number may become any file's.
  explicit output_descriptor(int descriptor);
  output_descriptor(const output_descriptor&) = delete;
  output_descriptor& operator=(const output_descriptor&) = delete;
  ~output_descriptor();

  /// Takes what could be written off the front of `bytes`. `stalled`: it takes no more now.
  /// `failed`: it cannot be written to.
  [[nodiscard]] outcome write_some(std::string_view& bytes);

  /// Waits until it may take more.
  void wait(std::chrono::milliseconds at_most) const;

private:
  enum class kind { closed, file, socket, reopened, asked };

  void look_again();
  void close_own();
  [[nodiscard]] ssize_t write_now(std::string_view bytes) const;

  int descriptor_;
  int own_ = -1; ///< of `reopened`
  kind kind_ = kind::closed;
  bool was_open_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

} // namespace troupe::transport
