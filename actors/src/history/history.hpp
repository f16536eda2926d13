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
/// A buffer counts as history while it is here, and as output once it has gone and an outbox or a
/// batch still holds it. With a shelf, entries also go by age while the room is silent. Thread: the
/// loop's.
class history final : timer_wheel::entry {
public:
  struct entry {
    std::uint64_t seq = 0;
    steady_time at;
    frame_set frames;
    std::size_t bytes = 0;
  };

  /// `shelf` and `output` may be null, together: then nothing is counted, and old entries go only
  /// at an `append`. Both outlive it.
  explicit history(const room_limits& limits, history_shelf* shelf = nullptr,
                   protocol::memory_meter* output = nullptr);
  ~history() override;

  /// The meter of frames that are made to be stored.
  [[nodiscard]] protocol::memory_meter* meter() const noexcept;

  /// `bytes`: of all `frames`.
  void append(std::uint64_t seq, steady_time at, const frame_set& frames, std::size_t bytes);

  /// Drops the oldest entry, for the budget of all histories. Precondition: there is one.
  void drop_oldest() noexcept;

  /// Prefetches the entry that the next `append` drops, last used a whole history ago, and its
  /// frames, whose memory the next frames will reuse. Cost: no waiting, because the last `append`
  /// has noted where it is.
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
  boost::circular_buffer<entry> entries_; ///< reuses its slots while they are in the cache
  std::size_t bytes_ = 0;
  std::size_t charged_slots_ = 0; ///< whose own size is counted, beside their entries' frames
  std::size_t place_ = 0;         ///< on the shelf
  /// Where the oldest entry's frames are, for prefetches only.
  std::array<const char*, protocol::encoding_count> oldest_frames_{};
  std::size_t oldest_bytes_ = 0; ///< of each of them, at most
};

} // namespace troupe::actors
