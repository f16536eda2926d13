#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/session_key.hpp>

#include <algorithm>
#include <deque>
#include <optional>

namespace troupe::actors {

/// The seats of a room whose members have lost their connections, each with the time at which it is
/// given up. Bound: each is a member of the room. Cost: linear in the seats. Thread: the room's.
class seats {
public:
  /// Errors: `std::bad_alloc`.
  void keep(session_key who, steady_time until) {
    auto later = [](steady_time t, const kept& s) { return t < s.until; };
    kept_.insert(std::upper_bound(kept_.begin(), kept_.end(), until, later), {who, until});
  }

  /// The member is back, or has gone.
  void forget(session_key who) noexcept {
    std::erase_if(kept_, [&](auto& s) { return s.who == who; });
  }

  /// When the next seat ends; nothing if none is kept.
  [[nodiscard]] std::optional<steady_time> next_end() const {
    return kept_.empty() ? std::nullopt : std::optional{kept_.front().until};
  }

  /// Takes out a seat that has ended by `now`; nobody's if there is none.
  [[nodiscard]] session_key take_ended(steady_time now) noexcept {
    if (kept_.empty() || kept_.front().until > now)
      return {};
    auto who = kept_.front().who;
    kept_.pop_front();
    return who;
  }

private:
  struct kept {
    session_key who;
    steady_time until;
  };
  std::deque<kept> kept_; ///< in the order of their ends
};

} // namespace troupe::actors
