#pragma once

#include "messages/messages.hpp"

#include <troupe/actors/room_time.hpp>
#include <troupe/protocol/errc.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The messages of a room's members that wait for its next tick, in the order in which they came.
/// They hold no credit, so their senders are read on; the bounds are those of `tick_options`.
///
/// Invariant: who leaves its place leaves nothing behind (`take_of`, `drop_of`). Cost: an addition
/// is constant; `take_of` and `drop_of` are linear for a member of which something waits.
/// Thread: the room's.
class waiting_inputs {
public:
  explicit waiting_inputs(const tick_options& bounds) noexcept : bounds_(bounds) {}

  /// Whether there is a place for it: `ok`, `rate_limited` (its sender has too many) or
  /// `overloaded` (all members together have).
  [[nodiscard]] protocol::errc reason_against(const room_input& in) const noexcept;

  /// Adds it, without its credit. Errors: `std::bad_alloc`; then nothing has changed.
  void add(const room_input& in);

  /// Takes all of them.
  [[nodiscard]] std::vector<room_input> take_all() noexcept;
  /// Takes those of one member. Errors: `std::bad_alloc`; then nothing has changed.
  [[nodiscard]] std::vector<room_input> take_of(member_place place, session_key who);
  /// Drops those of one member.
  void drop_of(member_place place, session_key who) noexcept;

  /// Takes the memory of what was taken back for those that come.
  void recycle(std::vector<room_input>&& taken) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return line_.size(); }

private:
  struct usage {
    std::size_t count = 0;
    std::size_t bytes = 0;
    void add(const room_input& in) noexcept {
      ++count;
      bytes += in.bytes.size();
    }
  };

  [[nodiscard]] static bool is_within(const usage& of, std::size_t bytes, std::size_t most,
                                      std::size_t most_bytes) noexcept {
    return (most == 0 || of.count < most)
        && (most_bytes == 0 || of.count == 0 || of.bytes + bytes <= most_bytes);
  }
  [[nodiscard]] usage of_member(member_place place) const noexcept {
    return place < by_place_.size() ? by_place_[place] : usage{};
  }
  void forget(member_place place) noexcept;

  tick_options bounds_;
  std::vector<room_input> line_;
  std::vector<usage> by_place_; ///< of `line_`
  usage all_;                   ///< likewise
};

} // namespace troupe::actors
