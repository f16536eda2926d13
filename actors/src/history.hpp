#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <array>
#include <cstdint>
#include <deque>

namespace troupe::actors {

/// A complete frame for each encoding that was in use when it was made; empty handles for the others.
using frame_set = std::array<protocol::shared_bytes, protocol::encoding_count>;

/// A room's latest stored broadcasts, bounded by count, bytes and age. It shares the frames' buffers and copies nothing.
class history {
public:
  struct entry {
    std::uint64_t seq = 0;
    steady_time at;
    frame_set frames;
    std::size_t bytes = 0;
  };

  explicit history(const room_limits& limits) : limits_(limits) {}

  void append(std::uint64_t seq, steady_time at, const frame_set& frames);

  /// Have brought near what the next `append` lets go, last used a whole history ago: first its entry, a little later its frames. Cost: no
  /// waiting.
  void prefetch_oldest() const noexcept;
  void prefetch_oldest_frames() const noexcept;

  [[nodiscard]] const std::deque<entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  void trim(steady_time now);

  const room_limits& limits_;
  std::deque<entry> entries_;
  std::size_t bytes_ = 0;
};

} // namespace troupe::actors
