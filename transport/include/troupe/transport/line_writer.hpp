#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace troupe::transport {

/// Writes lines to a descriptor from a thread of its own: whoever says one waits neither for a
/// reader that stalls nor for a disk.
///
/// At most `max_lines` and 4 MiB wait, or the latest line if it is longer by itself; beyond that
/// the oldest are lost, as are those that the descriptor refuses (its reader has gone, the disk is
/// full). Once it takes lines again, one says how many were lost. The descriptor's flags stay as
/// they are. Thread: any.
class line_writer {
public:
  static constexpr std::size_t standard_lines = 8192;

  /// `descriptor`: one that the process keeps, such as 1 or 2. Errors: `std::system_error` if there
  /// can be no thread, `std::invalid_argument` if it is negative.
  explicit line_writer(int descriptor, std::size_t max_lines = standard_lines);
  line_writer(const line_writer&) = delete;
  line_writer& operator=(const line_writer&) = delete;
  /// Waits less than half a second for what is queued.
  ~line_writer();

  /// Queues `line`, which gets its end here. One that there is no memory for is lost.
  void write(std::string line) noexcept;

  [[nodiscard]] std::uint64_t lost_lines() const noexcept;

private:
  struct state;
  /// Shared with the thread, which may be stuck in a write when this goes.
  std::shared_ptr<state> state_;
  std::thread thread_;
};

} // namespace troupe::transport
