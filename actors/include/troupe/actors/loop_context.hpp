// The loop, as the actors that it runs see it.
#pragma once

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/loop_job.hpp>
#include <troupe/actors/tenants.hpp>

namespace troupe::compat {

/// Base class for a loop that runs the actors pinned to it.
class loop_context {
public:
  explicit loop_context(caf::actor_system& sys) : context_(sys) {}
  loop_context(const loop_context&) = delete;
  loop_context& operator=(const loop_context&) = delete;

  [[nodiscard]] caf::actor_system& system() const noexcept { return context_.system(); }
  /// What CAF is told that its actors run in. Actors that are pinned to no loop and get work from
  /// them run on CAF's own threads.
  [[nodiscard]] context_base* as_context() noexcept { return &context_; }

  /// Enqueues a job, which is in no queue yet and lives until it has run. Allocates nothing.
  /// Thread: any.
  virtual void submit(loop_job& job) noexcept = 0;

  /// A pinned actor was made (any thread), has ended (loop's thread), is about to run (loop's
  /// thread).
  virtual void actor_started(tenant& actor) noexcept = 0;
  virtual void actor_stopped(tenant& actor) noexcept = 0;
  virtual void running(const char* name) noexcept = 0;

  /// Logs and counts the exception in flight, which an actor of this name has thrown. Loop's
  /// thread.
  virtual void report(const char* name) noexcept = 0;

  /// Whether the calling code runs on the loop's thread, in a turn of it. Any thread.
  virtual bool is_current() const noexcept = 0;

  /// Whether one more message may be handled inline; if so, counts it. Loop's thread.
  [[nodiscard]] virtual bool may_dispatch() noexcept = 0;

  /// Begins to run an actor of this name inline. Returns the name of what runs now, for `leave`;
  /// null if it may not. Loop's thread.
  virtual const char* enter(const char* name) = 0;
  virtual void leave(const char* before) = 0;

protected:
  virtual ~loop_context() = default;

private:
  outside_context context_;
};
} // namespace troupe::compat
