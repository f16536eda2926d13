// The loop, as the actors that it runs see it.
#pragma once

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/loop_job.hpp>
#include <troupe/actors/tenants.hpp>

namespace troupe::compat {

#if TROUPE_CAF_V1
using context_base = caf::scheduler;
using enqueue_result = bool;
#else
using context_base = caf::execution_unit;
using enqueue_result = void;
#endif

/// Base class for a loop that runs the actors pinned to it.
///
/// It is also the execution unit that such an actor passes to the actors it sends to: those that
/// are pinned to no loop come to `exec_later` and run on CAF's own threads.
class loop_context : public context_base {
public:
#if TROUPE_CAF_V1
  explicit loop_context(caf::actor_system& sys) : system_(&sys) {}
  caf::actor_system& system() const { return *system_; }
  void schedule(caf::resumable* job) final { system_->scheduler().schedule(job); }
  void delay(caf::resumable* job) final { system_->scheduler().schedule(job); }
  void start() final {}
  void stop() final {}
#else
  explicit loop_context(caf::actor_system& sys) : caf::execution_unit(&sys) {}
  void exec_later(caf::resumable* job) final { system().scheduler().enqueue(job); }
#endif

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

#if TROUPE_CAF_V1
private:
  caf::actor_system* system_;
#endif
};
} // namespace troupe::compat
