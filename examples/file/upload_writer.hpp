#pragma once

#include "upload_line.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace troupe::examples {

/// Keeps files one after the other on a thread of its own: a disk may be slow.
///
/// Thread: any, also several at a time. Nothing is said once `finish` has returned, so what that
/// uses may go then.
class upload_writer {
public:
  /// Writes one file and returns what says so, which is called next. Both run on the writer's
  /// thread and throw nothing, but for memory.
  using save = std::function<std::function<void()>(const upload&)>;

  upload_writer(upload_line::limits limits, save write);
  /// As `finish` with a second.
  ~upload_writer();
  upload_writer(const upload_writer&) = delete;
  upload_writer& operator=(const upload_writer&) = delete;

  /// Whether the file will be written; if not, nothing is said. Cost: never waits for the disk.
  [[nodiscard]] bool offer(upload u);

  /// Takes no more files, and gives what waits that long to be written; the rest is dropped in
  /// silence. A write that the system does not end in that time is left to itself. Idempotent.
  void finish(std::chrono::milliseconds time);

private:
  struct state;
  static void run(const std::shared_ptr<state>& s);
  std::shared_ptr<state> state_; ///< shared with a thread that may outlive this
};

} // namespace troupe::examples
