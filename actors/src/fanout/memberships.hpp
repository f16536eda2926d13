#pragma once

#include "fanout/frame_batch.hpp"

#include <troupe/actors/session_key.hpp>
#include <troupe/actors/sink.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::actors {

class member_group;

/// Which groups of a loop each session is a member of, so that a client of several rooms gets what
/// they have for it in one send.
///
/// Invariant: a place exists exactly while its slot holds that session, or a former one of the same
/// place in the table; a slot knows whether there are other places. Cost: linear in the places of
/// one session; a place whose group has nothing costs a look at one bit. Only `enter`,
/// `make_room_for` and `give_all` allocate, `give_all` only to grow its scratch. Thread: the
/// loop's.
class memberships {
public:
  using slot_index = std::uint32_t;
  using group_index = std::uint32_t; ///< of the groups that there are, dense
  static constexpr slot_index nowhere = ~slot_index{0};

  /// Registers a group, which has no frames yet. Errors: `std::bad_alloc`.
  [[nodiscard]] group_index enter();
  void leave(group_index group) noexcept;
  /// Notes whether the group has frames that some member still lacks.
  void set_pending(group_index group, bool is_pending) noexcept;
  [[nodiscard]] std::size_t pending_groups() const noexcept { return pending_count_; }
  [[nodiscard]] group_buffers& buffers() noexcept { return buffers_; }

  /// Makes room for one more place of a session: its next `add` cannot fail.
  void make_room_for(session_key who);
  void add(session_key who, member_group& group, slot_index slot) noexcept;
  void remove(session_key who, const member_group& group, slot_index slot) noexcept;
  /// The group has moved a member to another slot.
  void move(session_key who, const member_group& group, slot_index from, slot_index to) noexcept;

  /// The session's slot in the group; `nowhere` if it is no member.
  [[nodiscard]] slot_index find(session_key who, const member_group& group) const noexcept;

  struct given {
    std::size_t frames = 0;
    std::size_t bytes = 0;
  };

  /// Gives a session all that its groups have for it: in one send, as far as one can take it.
  /// If it throws, for want of memory, nothing was given.
  given give_all(session_key who, sink& output);

private:
  /// May belong to a former session in the same slot of the table: the group tells whose it is.
  struct place {
    member_group* group;
    slot_index slot;
    group_index index;
  };

  std::vector<std::vector<place>> places_; ///< by the session's slot
  group_buffers buffers_;
  /// By group: most rooms of a client are silent, and `give_all` does not touch those.
  std::vector<bool> pending_;
  std::size_t pending_count_ = 0;
  std::vector<group_index> free_; ///< with room for all
};

} // namespace troupe::actors
