#pragma once

#include "fanout/flush_budget.hpp"
#include "fanout/member_group.hpp"
#include "fanout/replay_table.hpp"
#include "messages/messages.hpp"

#include <troupe/actors/options.hpp>
#include <troupe/actors/session_table.hpp>
#include <troupe/actors/time_histogram.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Frequent events of one loop, written by its thread only and read by any.
struct loop_counts {
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> messages_in{0};
  std::atomic<std::uint64_t> publishes{0};
  std::array<std::atomic<std::uint64_t>, protocol::encoding_count> deliveries{};
  time_histogram delivery_times;
  std::atomic<std::uint64_t> members{0};
  std::atomic<std::uint64_t> rooms{0};
  std::atomic<std::uint64_t> resumes{0};
  std::atomic<std::uint64_t> skipped{0};
  std::atomic<std::uint64_t> replaced{0};
  std::atomic<std::uint64_t> repeated{0};
  std::atomic<std::uint64_t> ticks{0};
  std::atomic<std::uint64_t> skipped_ticks{0};
  time_histogram tick_delays;
  time_histogram tick_times;
  std::atomic<std::uint64_t> room_messages{0};
  std::atomic<std::uint64_t> most_room_messages{0};

  static void add(std::atomic<std::uint64_t>& n, std::uint64_t by) noexcept {
    n.store(n.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
};

/// What a dispatcher does: keeps which sessions of its loop are in which room, and gives each
/// room's frames to them.
///
/// All that a room says to a member comes through here, in the order in which the room said it;
/// nobody else writes `joined` and `left`. Everybody sends to its mailbox: whoever called it
/// directly would overtake the messages that wait there.
///
/// Rooms with output wait in a ring; each gets a slice of a turn (`flush_budget`), so that a huge
/// room does not delay a small one. A client of several rooms gets what all of them have for it
/// when the first of them reaches it, in one send, room after room (`memberships`): no order
/// between rooms is promised.
///
/// A member that catches up is in no group yet: `replay_table` asks its room for what it lacks. A
/// session that comes back is held: it catches up in all its rooms, and gets nothing of them before
/// it has been told so. If one of them ends its membership meanwhile, its last words are kept.
///
/// Invariants: a room is in the ring exactly while it has pending frames; a room without members
/// here is forgotten.
/// Errors: a call that throws, for want of memory, leaves it consistent; the caller then calls
/// `give_up` for whoever was to get something.
/// Thread: the loop's.
class dispatcher {
public:
  /// Beyond this much pending output of a room, the credits of a batch are held, unless the batch
  /// is all of it.
  static constexpr std::size_t held_bytes = 1024 * 1024;

  dispatcher(session_table& sessions, protocol::memory_meter* meter, loop_counts& counts);

  void on_subscribe(const subscribe& s);
  void on_fan_out(const fan_out& f);
  void on_member_frame(const member_frame& f);
  void on_last_frame(const last_frame& f);
  void on_room_closed(const room_closed& c);
  void on_release(const release_session& r);
  void on_drop(const drop_membership& d);
  /// Tells connections to say goodbye, behind all that came before: what was acked is here by that
  /// time, and `on_last_frame` queues it.
  void on_drain(const drain_sessions& d);

  /// Closes a session, whatever its rooms still have for it.
  void end_session(session_key who, protocol::errc why) noexcept;
  /// Removes a session that has ended from a room. Unlike a message, it cannot fail.
  void forget(room_key key, session_key who) noexcept;
  /// Closes (1011) a session that cannot get what its room has said, rather than leave a gap.
  void give_up(room_key key, session_key who) noexcept;
  /// The same for all members of a room.
  void give_up(room_key key) noexcept;

  /// Sends as much as a turn allows; returns whether frames are left.
  bool flush();

  /// Notes how long the oldest batch took that `flush` has given to all its members, if any. `now`:
  /// the time after the flush.
  void note_delivered(steady_time now) noexcept;

  /// Whether the rooms that have begun to wait since the last flush need most of the sends of a
  /// turn; then a turn takes no more input, as further rooms would only wait. Each room counts
  /// once, with its members that are in no other room, and with no more than its slice. (The frames
  /// of a room that speaks again share a send. So do those of several rooms for one member.)
  [[nodiscard]] bool has_full_turn() const noexcept { return budget_.is_most(new_cost_); }

  /// Whether they need half of them.
  [[nodiscard]] bool has_half_a_turn() const noexcept { return budget_.is_half(new_cost_); }

  /// Forgets everything.
  void clear();

  [[nodiscard]] std::size_t rooms() const noexcept { return room_count_; }

private:
  using ring_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  struct local_room : ring_hook {
    room_key key;
    room_identity_ptr identity;
    /// By encoding; null: no member here has ever spoken it.
    std::array<std::unique_ptr<member_group>, protocol::encoding_count> groups;
    unsigned spoken = 0;  ///< which of them there are, a bit each: most rooms have one
    std::size_t turn = 0; ///< index in `groups` of the one that is flushed next

    [[nodiscard]] member_group& group_for(protocol::encoding e, memberships& all);
    /// The index in `groups` of the one that the session is in; `encoding_count` if there is none.
    [[nodiscard]] std::size_t find(session_key who) const;
    [[nodiscard]] bool in_ring() const noexcept { return is_linked(); }
    [[nodiscard]] bool empty() const;
    [[nodiscard]] std::size_t sole_size() const;
    [[nodiscard]] bool pending() const;
    [[nodiscard]] std::size_t pending_bytes() const;
    [[nodiscard]] bool more_than_one_batch() const;

    template <class F>
    void for_each_group(F&& f) const {
      for (auto left = spoken; left != 0; left &= left - 1)
        f(*groups[static_cast<std::size_t>(std::countr_zero(left))]);
    }
    /// Whether `f` is true of a group.
    template <class F>
    [[nodiscard]] bool any_group(F&& f) const {
      for (auto left = spoken; left != 0; left &= left - 1)
        if (f(*groups[static_cast<std::size_t>(std::countr_zero(left))]))
          return true;
      return false;
    }
  };

  [[nodiscard]] local_room* find(room_key key) const noexcept {
    auto* room = key.slot < rooms_.size() ? rooms_[key.slot].get() : nullptr;
    return room && room->key == key ? room : nullptr;
  }
  local_room& room_for(const room_identity_ptr& identity);
  void prefetch_next() const noexcept;
  std::size_t flush_room(local_room& room, std::size_t max_cost);
  void append_missed(const subscribe& s);
  [[nodiscard]] bool is_held(session_key who) const noexcept {
    return !replays_.empty() && replays_.is_held(who);
  }
  [[nodiscard]] bool take_dropped(room_key room, session_key who) noexcept;
  void leave_room_before(const subscribe& s);
  void forget_room(local_room& room) noexcept;
  void forget_only_room(session_key who, room_key key) noexcept;
  void drop_if_empty(local_room& room) noexcept;
  void count_members(std::int64_t change);
  std::size_t catch_up(local_room& room, session_key who);
  void count_deliveries(std::size_t encoding, std::size_t frames) noexcept;
  void count_behind() noexcept;

  session_table& sessions_;
  protocol::memory_meter* meter_;
  loop_counts& counts_;
  flush_budget budget_;
  memberships memberships_;
  replay_table replays_;
  std::vector<drop_membership> dropped_; ///< until their rooms have removed them
  /// Rooms of `rooms_`; one that is destroyed leaves it.
  boost::intrusive::list<local_room, boost::intrusive::constant_time_size<false>> ring_;
  std::vector<std::unique_ptr<local_room>> rooms_; ///< by the key's slot; null: no member is here
  std::size_t room_count_ = 0;
  /// The room of each session that is in one room at a time.
  std::unordered_map<session_key, room_key> only_rooms_;
  std::vector<session_key> lost_;                     ///< scratch of `flush_room`
  steady_time oldest_delivered_ = steady_time::max(); ///< see `note_delivered`
  /// The cost of rooms that came into the ring since the last flush, each at most its slice.
  std::size_t new_cost_ = 0;
};

} // namespace troupe::actors
