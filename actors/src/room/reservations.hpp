#pragma once

#include <troupe/actors/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::actors {

/// The seats of a room that are held for users who are to come, each with the time at which it is
/// free again.
///
/// Invariant: a user has one at most. Bound: whoever asks it to hold one looks for a free seat
/// first. Cost: logarithmic. Thread: the room's.
class reservations {
public:
  /// Holds a seat, or the one that the user has for longer or shorter, under a new ticket. If it
  /// throws (`std::bad_alloc`), nothing has changed.
  void hold(std::string_view user, std::uint64_t ticket, steady_time until) {
    auto i = held_.find(user);
    auto is_new = i == held_.end();
    if (is_new)
      i = held_.emplace(std::string{user}, seat{}).first;
    try {
      ends_.emplace(until, i->first);
    } catch (...) {
      if (is_new)
        held_.erase(i);
      throw;
    }
    if (!is_new && i->second.until != until)
      ends_.erase({i->second.until, i->first});
    i->second = {ticket, until};
  }

  [[nodiscard]] bool holds(std::string_view user) const noexcept {
    return !held_.empty() && held_.find(user) != held_.end();
  }
  [[nodiscard]] std::size_t size() const noexcept { return held_.size(); }
  [[nodiscard]] bool empty() const noexcept { return held_.empty(); }

  /// The user takes its seat. Returns whether it had one.
  bool take(std::string_view user) noexcept {
    auto i = held_.empty() ? held_.end() : held_.find(user);
    if (i == held_.end())
      return false;
    drop(i);
    return true;
  }

  /// The user wants its seat no more, unless it has asked for it anew since. Returns whether it had
  /// that one.
  bool give_up(std::string_view user, std::uint64_t ticket) noexcept {
    auto i = held_.find(user);
    if (i == held_.end() || i->second.ticket != ticket)
      return false;
    drop(i);
    return true;
  }

  /// When the next one ends; nothing if none is held.
  [[nodiscard]] std::optional<steady_time> next_end() const noexcept {
    return ends_.empty() ? std::nullopt : std::optional{ends_.begin()->first};
  }

  /// Drops those that have ended by `now`. Returns whether there were any.
  bool end_late(steady_time now) noexcept {
    auto any = false;
    for (; !ends_.empty() && ends_.begin()->first <= now; any = true)
      drop(held_.find(ends_.begin()->second));
    return any;
  }

private:
  struct seat {
    std::uint64_t ticket = 0;
    steady_time until{};
  };
  using seats_by_user = std::map<std::string, seat, std::less<>>;

  void drop(seats_by_user::iterator i) noexcept {
    ends_.erase({i->second.until, i->first});
    held_.erase(i);
  }

  seats_by_user held_;
  std::set<std::pair<steady_time, std::string_view>> ends_; ///< of `held_`, whose names they view
};

} // namespace troupe::actors
