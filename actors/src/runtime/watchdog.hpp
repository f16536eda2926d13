#pragma once

#include <troupe/actors/event_loop.hpp>
#include <troupe/protocol/observe.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::actors {

/// Logs what blocks a loop, about a second after it has begun and every ten seconds from then on:
/// nobody else reports a handler that never returns. It asks a loop only if the loop has begun
/// nothing for half a second. Thread: its own.
class watchdog {
public:
  /// The loops and the log outlive it. Errors: `std::system_error`.
  watchdog(const std::vector<event_loop*>& loops, protocol::logger& log);
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog();

private:
  struct watched {
    event_loop* loop;
    std::shared_ptr<std::atomic<bool>> has_answered = nullptr; ///< null: not asked
    steady_time asked_at{};
    steady_time told_at{};
  };

  void run();
  void look_at(watched& w, steady_time now);
  void tell(watched& w, steady_time now);

  std::vector<watched> loops_; ///< used by its thread only
  protocol::logger& log_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool has_ended_ = false; ///< guarded by mutex_
  std::thread thread_;
};

} // namespace troupe::actors
