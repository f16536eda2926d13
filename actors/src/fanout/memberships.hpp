#pragma once

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
/// Invariant: a place is noted exactly while its slot holds that session, or one that was in the
/// table before it; a slot knows whether there are other places. Cost: linear in the places of the
/// one session. Only `make_room_for` and `give_all` allocate, `give_all` only to grow its scratch.
/// Thread: the loop's.
class memberships {
public:
  using slot_index = std::uint32_t;
  static constexpr slot_index nowhere = ~slot_index{0};

  /// Makes room for one place more of a session: its next `add` cannot fail.
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
  /// What it throws, for want of memory, has given nothing.
  given give_all(session_key who, sink& output);

private:
  /// May be one of a former session in the same slot of the table: the group tells whose it is.
  struct place {
    member_group* group;
    slot_index slot;
  };

  std::vector<std::vector<place>> places_; ///< by the session's slot
  std::vector<output_piece> pieces_;       ///< scratch of `give_all`
};

} // namespace troupe::actors
