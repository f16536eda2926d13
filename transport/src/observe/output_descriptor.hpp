#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string_view>

namespace troupe::transport {

/// Writes to a descriptor of the process without blocking (only a disk may be slow), and without
/// changing its flags, which others share.
///
/// It opens a pipe or a terminal once more, without blocking; where that is forbidden, it polls
/// first and writes no more than there is room for. If the host puts something else in the
/// descriptor's place (log rotation by `dup2`), it writes to that, but never to a socket that was
/// not there from the start. Thread: one at a time.
class output_descriptor {
public:
  enum class outcome { done, stalled, failed };

  /// A descriptor that is closed now counts as closed for ever: any file may get its number.
  explicit output_descriptor(int descriptor);
  output_descriptor(const output_descriptor&) = delete;
  output_descriptor& operator=(const output_descriptor&) = delete;
  ~output_descriptor();

  /// Writes as much as it can and removes that from the front of `bytes`. `stalled`: the descriptor
  /// takes no more now. `failed`: it cannot be written to.
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
