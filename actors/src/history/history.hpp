#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/timer_wheel.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <boost/circular_buffer.hpp>

#include <array>
#include <cstdint>

namespace troupe::actors {

class history_shelf;

/// A complete frame for each encoding that was in use when it was made; empty handles for the
/// others.
using frame_set = std::array<protocol::shared_bytes, protocol::encoding_count>;

/// A room's latest stored broadcasts, bounded by count, bytes and age. It shares the frames'
/// buffers and copies nothing.
///
/// A buffer counts as history's while it lies here, and as output once it has gone from here and
/// somebody still holds it: an outbox, a batch. With a shelf, entries go as they grow too old, also
/// while nothing is said. Thread: the loop's.
class history final : timer_wheel::entry {
public:
  struct entry {
    std::uint64_t seq = 0;
    steady_time at;
    frame_set frames;
    std::size_t bytes = 0;
  };

  /// `shelf` and `output` may be null, together: then nothing is counted, and it ages only by
  /// `append`. Both outlive it.
  explicit history(const room_limits& limits, history_shelf* shelf = nullptr,
                   protocol::memory_meter* output = nullptr);
  ~history() override;

  /// What frames that are to be stored are made against.
  [[nodiscard]] protocol::memory_meter* meter() const noexcept;

  /// `bytes`: of all `frames`.
  void append(std::uint64_t seq, steady_time at, const frame_set& frames, std::size_t bytes);

  /// Lets the oldest entry go, for the budget of all histories. Precondition: there is one.
  void drop_oldest() noexcept;

  /// Prefetches what the next `append` lets go, last used a whole history ago, and the memory of
  /// which the next frames will be made. Cost: no waiting, for the `append` before has noted where
  /// it lies.
  void prefetch_oldest() const noexcept;

  [[nodiscard]] const boost::circular_buffer<entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  friend class history_shelf;

  void on_deadline() override;
  void trim(steady_time now);
  void note_oldest() noexcept;
  inline void pop_oldest() noexcept;
  void await_age(steady_time now);
  void make_slots();
  void give_slots_back() noexcept;
  void charge_slots() noexcept;

  const room_limits& limits_;
  history_shelf* shelf_;
  protocol::memory_meter* output_;
  std::chrono::seconds age_;              ///< 0: none is too old
  boost::circular_buffer<entry> entries_; ///< whose slots are used again, while they are near
  std::size_t bytes_ = 0;
  std::size_t charged_slots_ = 0; ///< whose own size is counted, beside their entries' frames
  std::size_t place_ = 0;         ///< on the shelf
  /// Where the oldest entry's frames lie; never looked into.
  std::array<const char*, protocol::encoding_count> oldest_frames_{};
  std::size_t oldest_bytes_ = 0; ///< of each of them, at most
};

} // namespace troupe::actors
