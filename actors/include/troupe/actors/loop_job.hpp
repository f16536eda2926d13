#pragma once

#include <cstddef>
#include <utility>

namespace troupe::compat {

/// A job that a loop runs, perhaps many times. It is in at most one queue at a time and holds the
/// link itself, so enqueueing it allocates nothing and cannot fail.
class loop_job {
public:
  /// Runs it on the loop's thread, after it has left the queue. Handles at most `max_messages` of
  /// its messages.
  virtual void run(std::size_t max_messages) = 0;

  /// The loop ends and will not run it any more: it releases what keeps it alive.
  virtual void drop() noexcept {}

protected:
  loop_job() = default;
  loop_job(const loop_job&) = delete;
  loop_job& operator=(const loop_job&) = delete;
  virtual ~loop_job() = default;

private:
  friend class job_queue;
  loop_job* next_ = nullptr;
};

/// Jobs in the order in which they came. It owns none of them. Thread: the owner's.
class job_queue {
public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

  /// Precondition: `job` is in no queue.
  void push(loop_job& job) noexcept {
    job.next_ = nullptr;
    (first_ ? last_->next_ : first_) = &job;
    last_ = &job;
  }

  /// Precondition: not empty.
  loop_job& pop() noexcept {
    auto& job = *first_;
    first_ = std::exchange(job.next_, nullptr);
    return job;
  }

  /// Appends all jobs of `other` to its own.
  void take(job_queue& other) noexcept {
    if (other.empty())
      return;
    (first_ ? last_->next_ : first_) = other.first_;
    last_ = other.last_;
    other.first_ = nullptr;
  }

private:
  loop_job* first_ = nullptr;
  loop_job* last_ = nullptr; ///< valid while the queue is not empty
};

} // namespace troupe::compat
