#pragma once

#include "model/client_id.hpp"

#include <troupe/actors/clock.hpp>
#include <troupe/actors/session_key.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>

namespace troupe::actors {

/// The seats of a room whose members have lost their connections, each with the time at which it is
/// given up; and which sessions were thrown out meanwhile, so that they are not let in again.
///
/// Bounds: seats end after `keep_seat`, and one that was taken again is forgotten; of those thrown
/// out the latest `most_thrown_out` are known. Cost: linear in the seats, for `forget`. Thread: the
/// room's.
class seats {
public:
  static constexpr std::size_t most_thrown_out = 256;

  /// Later ones end later. Errors: `std::bad_alloc`.
  void keep(session_key who, steady_time until) { kept_.push_back({who, until}); }

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

  /// Errors: `std::bad_alloc`.
  void note_thrown_out(client_id who, steady_time now, steady_time until) {
    while (!thrown_out_.empty()
           && (thrown_out_.front().until <= now || thrown_out_.size() >= most_thrown_out))
      thrown_out_.pop_front();
    thrown_out_.push_back({who, until});
  }

  [[nodiscard]] bool was_thrown_out(client_id who) const noexcept {
    return std::any_of(thrown_out_.begin(), thrown_out_.end(),
                       [&](auto& t) { return t.who == who; });
  }

private:
  struct kept {
    session_key who;
    steady_time until;
  };
  struct thrown_out {
    client_id who;
    steady_time until;
  };
  std::deque<kept> kept_; ///< in the order of their ends
  std::deque<thrown_out> thrown_out_;
};

} // namespace troupe::actors
