#pragma once

#include "messages/messages.hpp"

#include <troupe/actors/session_key.hpp>
#include <troupe/actors/session_table.hpp>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The sessions of a loop that catch up, each with the rooms in which it does. As a session takes
/// what it has been given, it asks the next room for more: one at a time, the one with the least
/// left first.
///
/// Invariant: a session has asked one room at most that has not answered. Cost: linear in the
/// sessions that catch up, for `ask`. Thread: the loop's.
class replay_table {
public:
  /// Bytes that may be queued for a session that gets more. Then less than 1,024 frames are queued
  /// behind the next slice, however small they are.
  static constexpr std::size_t least_queued_bytes = std::size_t{16} * 1024;

  /// A room has sent a slice to a session of that encoding, which is `behind` by so many frames; 0:
  /// it is level. Errors: `std::bad_alloc`.
  void note(const room_identity_ptr& room, session_key who, protocol::encoding in,
            std::uint64_t behind);
  /// What a room had still to say to a session that is held.
  struct last_words {
    room_key room;
    protocol::shared_bytes frame;
  };

  /// The session gets nothing until `release`: nobody asks for it.
  void hold(session_key who) { sessions_[who].is_held = true; }
  /// Keeps a frame for a session that is held.
  void keep(session_key who, room_key room, protocol::shared_bytes frame) {
    sessions_[who].kept.push_back({room, std::move(frame)});
  }
  /// Returns what was kept, in order.
  [[nodiscard]] std::vector<last_words> release(session_key who) noexcept;
  [[nodiscard]] bool is_held(session_key who) const noexcept {
    auto i = sessions_.find(who);
    return i != sessions_.end() && i->second.is_held;
  }

  /// The session catches up in that room no more.
  void remove(room_key room, session_key who) noexcept;

  /// Calls `f(session, encoding, room_identity)` for each session that catches up in that room, and
  /// removes it there. If `f` throws, the rest stay.
  template <class F>
  void take_all(room_key room, F&& f) {
    for (auto i = sessions_.begin(); i != sessions_.end();) {
      auto& [who, s] = *i++; // `remove` may erase it
      if (auto* r = find(s, room)) {
        f(who, r->in, *r->identity);
        remove(room, session_key{who});
      }
    }
  }

  /// Asks a room for each session that can take more. Forgets sessions that are gone. Returns
  /// whether to call it again after the flush of this turn. Errors: `std::bad_alloc`.
  bool ask(const session_table& sessions);

  [[nodiscard]] bool empty() const noexcept { return sessions_.empty(); }
  void clear() noexcept { sessions_.clear(); }

private:
  struct room {
    room_identity_ptr identity;
    protocol::encoding in;
    std::uint64_t behind;
  };
  struct session {
    std::vector<room> rooms; ///< at least one, unless it is held
    room_key asked;          ///< which has not answered yet; none: it may ask
    bool is_held = false;
    std::vector<last_words> kept; ///< while it is held
  };

  [[nodiscard]] static room* find(session& s, room_key key) noexcept;

  std::unordered_map<session_key, session> sessions_;
};

} // namespace troupe::actors
