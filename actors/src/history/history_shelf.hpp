#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/event_loop.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::actors {

class history;

/// What the histories of a node hold, and may hold. Thread: any.
struct history_account {
  protocol::memory_meter meter;
  std::int64_t budget_bytes = 0; ///< 0: no bound. Fixed once the node runs

  [[nodiscard]] bool exceeded() const noexcept {
    return budget_bytes > 0 && meter.used_bytes() > budget_bytes;
  }
};

/// The histories of one loop. While those of the node exceed their budget, the largest of the node
/// lose their oldest entries; nothing else is refused or cut for their sake.
///
/// Invariant: a history that loses an entry is at that moment the largest of its loop, and at least
/// seven eighths as large as any of another loop. Cost: `note` is a comparison; making room is one
/// look at an atomic within the budget, else linear in the histories, for a sixteenth of the budget
/// at once. Thread: the loop's, but for `largest_bytes`.
class history_shelf {
public:
  history_shelf(event_loop& loop, history_account& account) : loop_(loop), account_(account) {}

  void put(history& h);
  void take(history& h) noexcept;

  /// A history here has grown to `bytes`.
  void note(std::size_t bytes) noexcept {
    if (bytes > largest_bytes())
      largest_bytes_.store(bytes, std::memory_order_relaxed);
  }

  /// If the budget is exceeded, drops entries of histories of at least `least` bytes, until a
  /// sixteenth of it is free. Returns whether any went.
  bool keep_budget(std::size_t least) noexcept;

  /// No history here is larger. It falls when this loop makes room. Thread: any; the number may be
  /// a moment old.
  [[nodiscard]] std::size_t largest_bytes() const noexcept {
    return largest_bytes_.load(std::memory_order_relaxed);
  }

  [[nodiscard]] history_account& account() noexcept { return account_; }
  [[nodiscard]] timer_wheel& timers() noexcept { return loop_.timers(); }
  [[nodiscard]] steady_time now() const { return loop_.now(); }
  [[nodiscard]] event_loop& loop() noexcept { return loop_; }

  /// Set while this loop is asked by another one to make room.
  std::atomic<bool> asked{false};

private:
  event_loop& loop_;
  history_account& account_;
  std::atomic<std::size_t> largest_bytes_{0};
  std::vector<history*> all_;
  std::vector<history*> by_size_; ///< scratch of `keep_budget`, with room for all
};

/// Makes room on this loop if it has the largest histories; if that is not enough, asks the loop
/// that has them, which does the same. Call it at the end of a turn of `mine`. `all` must outlive
/// the loops.
bool keep_history_budget(history_shelf& mine, const std::vector<history_shelf*>& all);

} // namespace troupe::actors
