#pragma once

#include "fanout/frame_batch.hpp"
#include "fanout/memberships.hpp"

#include <troupe/actors/credit.hpp>
#include <troupe/actors/session_table.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The members of one room on one loop that speak one encoding, and the frames they are still to
/// get: the fan-out itself.
///
/// Frames are numbered by position. They gather in `next_`; a flush makes it `current_`, one batch
/// of contiguous bytes, while later frames gather in the next one. A member gets the batch as it
/// is. A member of several rooms, while other groups of the loop have frames, too, gets what all of
/// its rooms have for it in one `sink::write_all` (`memberships`). A flush goes on in slices.
///
/// Invariants:
/// 1. A member has been given (sent or queued) exactly the frames in [its position when added,
/// `from`), less those it is excluded from, and those it was to be skipped for; while it was
/// behind, values went to its sink as such (`sink::put_value`).
/// 2. `current_` ends where `next_` begins.
/// 3. Slots keep their index while a batch is under way; tombstones go between two batches.
/// 4. A batch has at most `max_batch_bytes`, or a single frame; what is beyond stays in `next_`,
/// with all credits.
///
/// Errors: a call that throws, for want of memory, has changed nothing; a flush that throws has
/// given each member all or nothing, and the next goes on where it stopped. Removing a member
/// allocates nothing. Cost: per delivery one look-up and one call of its sink, no allocation; no
/// copy of payload for members of one room. Thread: the loop's.
class member_group {
public:
  using slot_index = memberships::slot_index;
  static constexpr slot_index nobody = memberships::nowhere;

  /// Far below what offsets of 32 bits can name; one frame of `shared_bytes::max_bytes` still can
  /// be a batch of its own.
  static constexpr std::size_t max_batch_bytes = std::size_t{64} * 1024 * 1024;

  /// `all` outlives it. Errors: `std::bad_alloc`.
  explicit member_group(memberships& all) : all_(all), index_(all.enter()) {}
  ~member_group();
  member_group(const member_group&) = delete;
  member_group& operator=(const member_group&) = delete;

  /// Adds a member; it gets what is pushed from now on.
  void add(session_key who);

  /// Removes a member without giving it anything more. Returns whether it was one.
  bool remove(session_key who);

  [[nodiscard]] bool contains(session_key who) const noexcept {
    return all_.find(who, *this) != nobody;
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return slots_.size() - tombstones_; }
  /// Members that are in no other group of the loop.
  [[nodiscard]] std::size_t sole_size() const noexcept { return size() - shared_; }

  /// Makes room for one more frame, and for as many exclusions from it, or if those that are behind
  /// do not get it in its place (`skippable`): the next `push` and `exclude` cannot fail.
  void make_room_for_push(std::size_t exclusions, bool skippable = false);

  /// Adds a frame for all members but `except`, with the credits that are held until its flush has
  /// begun. `at`: when the room handled what the frame answers; `max`: its time is not measured.
  /// `for_behind`: what becomes of it for a member that is behind (`sink::is_behind`).
  /// Precondition: `make_room_for_push`. Without it, a frame that finds no memory may leave its
  /// exclusion behind.
  void push(protocol::shared_bytes frame, session_key except, const credit& source,
            const credit& own, steady_time at = steady_time::max(),
            if_behind for_behind = if_behind::queue);

  /// Excludes a member from the frame that was pushed last; does nothing for others. Precondition:
  /// `make_room_for_push`, and no flush since the push.
  void exclude(session_key who);

  /// Queues for one member all frames it lacks, so that a frame of its own can follow. Returns how
  /// many it queued.
  std::size_t catch_up(session_key who, session_table& sessions);

  /// `catch_up` for every member.
  std::size_t catch_up_all(session_table& sessions);

  /// Returns `at` of the oldest frame of the batch that has reached all members since the last
  /// call: of the latest such batch, and `max` if there was none.
  [[nodiscard]] steady_time take_delivered() noexcept {
    return std::exchange(delivered_since_, steady_time::max());
  }

  [[nodiscard]] bool pending() const noexcept { return current_ || gathers(); }
  [[nodiscard]] std::size_t pending_bytes() const noexcept {
    return (current_ ? current_->bytes.size() : 0) + (next_ ? next_->gathered_bytes : 0);
  }

  /// Whether frames wait that the batch under way does not hold.
  [[nodiscard]] bool waiting_behind_batch() const noexcept { return current_ && gathers(); }

  struct progress {
    std::size_t cost = 0;   ///< of the sends: see `flush_budget`
    std::size_t frames = 0; ///< given, over all members
  };

  /// Gives the batch under way to further members, until that has cost `max_cost`. `hold_credits`:
  /// keeps the batch's credits, because too much output of the room waits here. `gone` collects
  /// members whose session has closed.
  progress flush(std::size_t max_cost, bool hold_credits, session_table& sessions,
                 protocol::memory_meter* meter, std::vector<session_key>& gone);

  /// Prefetches the table entries of the sessions that a flush begins with. Cost: no waiting some
  /// time after a `push`.
  void prefetch_first(const session_table& sessions) const noexcept;

  template <class F>
  void for_each(F&& f) const {
    for (auto& s : slots_)
      if (s.who)
        f(s.who);
  }

  // -- for `memberships` --

  [[nodiscard]] bool holds(slot_index slot, session_key who) const noexcept {
    return slots_[slot].who == who;
  }
  [[nodiscard]] memberships::group_index index() const noexcept { return index_; }
  void set_shared(slot_index slot, bool is_shared) noexcept;
  /// Adds to `out` what the member lacks; returns the number of frames, without values. `output`:
  /// its own, or null if it is gone. If it throws, nothing else has changed.
  std::size_t collect(slot_index slot, const sink* output, std::vector<output_piece>& out);
  /// Notes that the member has got all of it.
  void note_given(slot_index slot) noexcept { slots_[slot].from = end_; }

private:
  struct slot {
    session_key who;                 ///< nobody: a tombstone
    std::uint32_t in_current = none; ///< the newest of its exclusions in the batch under way
    std::uint32_t in_next = none;
    bool is_shared = false; ///< its session is in other groups of the loop, too
    std::uint64_t from = 0; ///< position of the first frame it lacks
  };

  static constexpr std::uint32_t none = frame_batch::none;
  /// How many members' sessions are prefetched before their turn.
  static constexpr std::size_t ahead = 2;

  /// Inlined by force: see `session_table::prefetch`.
  [[gnu::always_inline]] void prefetch_slots() const noexcept {
    constexpr std::size_t enough = 16;
    for (std::size_t i = 0; i < std::min(slots_.size(), enough); i += 2) // two in a cache line
      __builtin_prefetch(&slots_[i]);
  }
  [[nodiscard]] bool gathers() const noexcept { return next_ && !next_->frames.empty(); }
  void prefetch_states(std::size_t next, const session_table& sessions) const noexcept;
  void start_batch(protocol::memory_meter* meter);
  [[nodiscard]] std::size_t frames_of_batch() const noexcept;
  void take_all() noexcept;
  void take_first(std::size_t frames, std::unique_ptr<frame_batch> batch) noexcept;
  void finish_batch();
  void compact() noexcept;
  [[nodiscard]] bool worth_compacting() const noexcept;
  [[gnu::always_inline]] inline progress give(slot& s, frame_batch& batch, bool may_skip,
                                              session_table& sessions,
                                              std::vector<session_key>& gone);
  std::uint32_t parts_for(const slot& s, bool skips);
  void note_skipped(const frame_batch& batch, std::size_t frame, if_behind what);
  [[gnu::noinline]] progress give_with_values(slot& s, std::uint32_t frames, sink& output);
  void collect_current(std::uint32_t frames, std::vector<output_piece>& out);
  std::size_t catch_up(slot_index slot, session_table& sessions);
  [[nodiscard]] std::uint32_t frames_in(byte_range part) const;

  memberships& all_;
  const memberships::group_index index_;
  std::vector<slot> slots_;
  std::size_t tombstones_ = 0;
  std::size_t shared_ = 0; ///< members whose slots say so
  std::uint64_t end_ = 0;  ///< position of the next frame
  steady_time delivered_since_ = steady_time::max();
  std::unique_ptr<frame_batch> next_;    ///< what gathers; may be null or empty
  std::unique_ptr<frame_batch> current_; ///< what is given out; null: no batch is under way
};

} // namespace troupe::actors
