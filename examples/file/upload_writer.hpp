#pragma once

#include "upload_line.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace troupe::examples {

/// Writes files one after the other on its own thread, since a disk may be slow.
///
/// Thread: any, also several at a time. No answer is given once `finish` has returned, so whatever
/// answers use may be destroyed then.
class upload_writer {
public:
  /// Writes one file and returns a function that gives the answer, which is called next. Both run
  /// on the writer's thread and throw only `std::bad_alloc`.
  using save = std::function<std::function<void()>(const upload&)>;

  upload_writer(upload_line::limits limits, save write);
  /// Calls `finish` with one second.
  ~upload_writer();
  upload_writer(const upload_writer&) = delete;
  upload_writer& operator=(const upload_writer&) = delete;

  /// Enqueues a file; returns false, without an answer, if it will not be written. Cost: never
  /// waits for the disk.
  [[nodiscard]] bool offer(upload u);

  /// Takes no more files. Waits up to `time` until those in the queue are written, and drops the
  /// rest without an answer. Abandons a write that does not end in that time. Idempotent.
  void finish(std::chrono::milliseconds time);

private:
  struct state;
  static void run(const std::shared_ptr<state>& s);
  std::shared_ptr<state> state_; ///< shared with the thread, which may outlive this
};

} // namespace troupe::examples
