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

  [[nodiscard]] bool exceeded() const noexcept { return budget_bytes > 0 && meter.used_bytes() > budget_bytes; }
};

/// The histories of one loop. While those of the node exceed their budget, the largest here lose their oldest entries, a loop with
/// more than its share first; nothing else is refused or cut for their sake.
///
/// Cost: `grow` and `shrink` are one addition; `keep_budget` one look at an atomic, and linear in the histories when it has to make
/// room, which it then does for a sixteenth of the budget at once. Thread: the loop's, but for `bytes`.
class history_shelf {
public:
  history_shelf(event_loop& loop, history_account& account) : loop_(loop), account_(account) {}

  void put(history& h);
  void take(history& h) noexcept;

  void grow(std::size_t bytes) noexcept { set(bytes_.load(std::memory_order_relaxed) + static_cast<std::int64_t>(bytes)); }
  void shrink(std::size_t bytes) noexcept { set(bytes_.load(std::memory_order_relaxed) - static_cast<std::int64_t>(bytes)); }

  /// Lets entries go while the budget is exceeded and this loop holds at least `share` bytes. Returns whether any went.
  bool keep_budget(std::int64_t share) noexcept;

  /// Of all its histories: frames and entries. Thread: any; the number may be a moment old.
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

  [[nodiscard]] history_account& account() noexcept { return account_; }
  [[nodiscard]] timer_wheel& timers() noexcept { return loop_.timers(); }
  [[nodiscard]] steady_time now() const { return loop_.now(); }
  [[nodiscard]] event_loop& loop() noexcept { return loop_; }

  /// Set while this loop is asked by another one to make room.
  std::atomic<bool> asked{false};

private:
  void set(std::int64_t bytes) noexcept { bytes_.store(bytes, std::memory_order_relaxed); }

  event_loop& loop_;
  history_account& account_;
  std::atomic<std::int64_t> bytes_{0};
  std::vector<history*> all_;
  std::vector<history*> by_size_; ///< scratch of `keep_budget`, with room for all
};

/// Makes room on this loop, and asks those that hold more than an equal share. For the end of a turn of `mine`.
bool keep_history_budget(history_shelf& mine, const std::vector<history_shelf*>& all);

} // namespace troupe::actors
