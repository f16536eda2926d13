#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace troupe::transport {

/// Writes lines to a descriptor on a thread of its own: the caller waits neither for a stalled
/// reader nor for a disk.
///
/// At most `max_lines` lines and 4 MiB are queued, or the latest line alone if it is longer. Beyond
/// that the oldest lines are lost, as are lines that the descriptor refuses (its reader has gone,
/// the disk is full). Once the descriptor takes lines again, a line says how many were lost. The
/// descriptor's flags are not changed. Thread: any.
class line_writer {
public:
  static constexpr std::size_t standard_lines = 8192;

  /// `descriptor`: one that the process keeps open, such as 1 or 2. Errors: `std::system_error` if
  /// no thread can be started, `std::invalid_argument` if `descriptor` is negative.
  explicit line_writer(int descriptor, std::size_t max_lines = standard_lines);
  line_writer(const line_writer&) = delete;
  line_writer& operator=(const line_writer&) = delete;
  /// Waits less than half a second for what is queued.
  ~line_writer();

  /// Queues `line` and a newline. Without memory for it, the line is lost.
  void write(std::string line) noexcept;

  [[nodiscard]] std::uint64_t lost_lines() const noexcept;

private:
  struct state;
  /// Shared with the thread, which may be stuck in a write when this is destroyed.
  std::shared_ptr<state> state_;
  std::thread thread_;
};

} // namespace troupe::transport
