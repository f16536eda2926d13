#pragma once

#include <troupe/actors/sink.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::actors {

/// What one session has still to send: shared frame handles, bounded in frames and in bytes. A
/// frame counts with its weight (`shared_bytes::weight`): a member's message weighs at most as much
/// as the command that caused it. Knows no socket. It writes through a callable `ssize_t(const
/// iovec*, int count)` that returns the bytes taken, 0 if it can take none now, -1 if it never
/// will.
///
/// Invariants: frames leave in the order of the calls, and whole, but for one that is half written;
/// a value that gives way to a newer one does not leave; a cut finishes the half-written one, drops
/// whole data frames and nothing else; nothing leaves after a close frame. A small part of a large
/// buffer is queued as a copy, so that a slow reader keeps little more memory than it has still to
/// get. Cost: `write` to a socket that takes all allocates nothing. Thread: the loop's.
class outbox {
public:
  struct bounds {
    std::size_t max_bytes = 1024 * 1024; ///< by weight
    std::size_t max_frames = 1024;

    // Values do not count in these two, but have a quarter of each to themselves.
    [[nodiscard]] std::size_t max_value_bytes() const noexcept { return max_bytes / 4; }
    [[nodiscard]] std::size_t max_values() const noexcept { return max_frames / 4; }
  };

  enum class status : std::uint8_t {
    done,    ///< nothing is queued
    blocked, ///< the socket takes no more now
    /// The socket takes nothing any more, or there is no memory to keep what it has not taken.
    broken,
  };

  /// `meter` counts what is copied; it may be null, and outlives the outbox.
  explicit outbox(bounds b, protocol::memory_meter* meter = nullptr) : bounds_(b), meter_(meter) {}

  /// Sends at once if nothing is queued; queues what the socket does not take. `clock` is a
  /// callable that returns the time; it is called only if something is queued. (Inlined by force:
  /// see `socket_writer`.)
  template <class Clock, class Writer>
  [[gnu::always_inline]] status write(const protocol::shared_bytes& bytes,
                                      std::span<const byte_range> parts, std::uint32_t frames,
                                      Clock&& clock, Writer&& writer);

  /// The same with pieces of several buffers: small ones are copied side by side, so that one send
  /// takes many.
  template <class Clock, class Writer>
  status write_all(std::span<const output_piece> pieces, Clock&& clock, Writer&& writer);

  /// Queues whole frames. May throw `std::bad_alloc`, as `close` and `cut` may: nothing has changed
  /// then.
  void append(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t frames,
              output_kind kind, steady_time now);

  /// Queues one frame of a room in the place of a value of that name that waits, of which nothing
  /// has been written, or as one more; dropped beyond the bound of values (a single one may go
  /// beyond), without memory and after a close frame. Precondition: the peer is behind, and what is
  /// queued waits for its socket. Cost: linear in what is queued.
  value_fate put_value(const protocol::shared_bytes& bytes, byte_range part, if_behind name,
                       steady_time now) noexcept;

  /// Drops the values of which nothing has been written; returns how many.
  std::size_t drop_values() noexcept;

  /// Sends what is queued.
  template <class Writer>
  status flush(steady_time now, Writer&& writer);

  /// Notes that bytes taken earlier have left.
  void note_progress(steady_time now) noexcept { progress_ = now; }

  /// Queues a close frame behind everything and takes nothing after it.
  void close(const protocol::shared_bytes& close_frame, steady_time now);

  /// Finishes a half-written frame, drops data, keeps control, then closes. Returns the number of
  /// frames dropped.
  std::size_t cut(const protocol::shared_bytes& close_frame, steady_time now);

  /// Drops all that is queued, half a frame as well: nothing may be written any more.
  void clear() noexcept;

  /// Whether more is queued than the bound allows: time for a cut. False as long as a single entry
  /// is queued beside values, however large (the frames of one `append`, or one part or piece of a
  /// write), and after a close frame.
  [[nodiscard]] bool over_bound() const noexcept {
    return entries_.size() - head_ > std::size_t{1} + values_ && !sealed_
        && (weight_ > bounds_.max_bytes || frames_ > bounds_.max_frames);
  }

  /// Whether more than half of the bound is queued. Stop reading then from a peer whose own input
  /// causes its output: it would be cut before it had the time to read.
  [[nodiscard]] bool half_full() const noexcept {
    return !sealed_ && (weight_ > bounds_.max_bytes / 2 || frames_ > bounds_.max_frames / 2);
  }

  [[nodiscard]] const bounds& bound() const noexcept { return bounds_; }
  [[nodiscard]] bool empty() const noexcept { return head_ == entries_.size(); }
  [[nodiscard]] bool sealed() const noexcept { return sealed_; }
  [[nodiscard]] std::size_t queued_bytes() const noexcept { return bytes_[0] + bytes_[1]; }
  [[nodiscard]] std::size_t queued_bytes(output_kind kind) const noexcept {
    return bytes_[static_cast<std::size_t>(kind)];
  }
  // Without values, as the bound counts them:
  [[nodiscard]] std::size_t queued_weight() const noexcept { return weight_; }
  [[nodiscard]] std::size_t queued_frames() const noexcept { return frames_; }
  // Values alone:
  [[nodiscard]] std::size_t queued_values() const noexcept { return values_; }
  [[nodiscard]] std::size_t queued_value_weight() const noexcept { return value_weight_; }

  /// When bytes last left, or when the queue last became non-empty.
  [[nodiscard]] steady_time last_progress() const noexcept { return progress_; }
  /// When the oldest data frame that is no value was queued.
  [[nodiscard]] std::optional<steady_time> oldest_data() const noexcept;

private:
  struct entry {
    protocol::shared_bytes bytes;
    byte_range left;
    std::uint32_t frames;
    output_kind kind;
    bool is_value;
    union {
      steady_time queued_at{};
      if_behind name; ///< of a value; `queue` once a part of it has left
    };

    [[nodiscard]] std::size_t weight() const noexcept { return bytes.weight(left.begin, left.end); }
  };

  static constexpr std::size_t max_parts = 64;
  static constexpr std::size_t copied_bytes = 16 * 1024; ///< of small pieces, in one send
  static constexpr std::size_t small_bytes = 1024;

  /// What one send takes of some pieces.
  struct chunk {
    std::size_t pieces = 0;
    int parts = 0;
    std::size_t bytes = 0;
  };
  static chunk gather(std::span<const output_piece> pieces, char* copies,
                      std::array<iovec, max_parts>& out) noexcept;
  [[nodiscard]] status queue_rest(std::span<const output_piece> pieces, std::size_t taken,
                                  steady_time now) noexcept;
  [[nodiscard]] status queue_rest(const protocol::shared_bytes& bytes,
                                  std::span<const byte_range> parts, std::size_t taken,
                                  std::uint32_t frames, steady_time now) noexcept;
  [[nodiscard]] entry entry_of(const protocol::shared_bytes& bytes, byte_range part) const noexcept;
  void queue(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t frames,
             output_kind kind, steady_time now);
  [[nodiscard]] std::size_t find_value(if_behind name) const noexcept;
  [[nodiscard]] bool has_room_for(std::size_t weight, std::size_t before) const noexcept;
  void note_gone(const entry& value) noexcept;
  int gather(std::array<iovec, max_parts>& out) const;
  void consume(std::size_t bytes);
  [[nodiscard]] std::size_t& bytes_of(output_kind kind) noexcept {
    return bytes_[static_cast<std::size_t>(kind)];
  }
  void compact();

  bounds bounds_;
  protocol::memory_meter* meter_;
  std::vector<entry> entries_;
  std::array<std::size_t, 2> bytes_{}; ///< by `output_kind`
  std::size_t weight_ = 0;
  std::uint32_t head_ = 0; ///< entries before it have left
  std::uint32_t frames_ = 0;
  steady_time progress_{};
  bool sealed_ = false;
  std::uint16_t values_ = 0;
  std::uint32_t value_weight_ = 0;
};

template <class Clock, class Writer>
inline outbox::status outbox::write(const protocol::shared_bytes& bytes,
                                    std::span<const byte_range> parts, std::uint32_t frames,
                                    Clock&& clock, Writer&& writer) {
  if (sealed_)
    return empty() ? status::done : status::blocked;
  std::size_t taken = 0;
  if (empty() && parts.size() <= max_parts) {
    std::array<iovec, max_parts> out;
    std::size_t size = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      out[i] = {const_cast<char*>(bytes.data()) + parts[i].begin, parts[i].size()};
      size += parts[i].size();
    }
    auto n = writer(out.data(), static_cast<int>(parts.size()));
    if (n < 0)
      return status::broken;
    taken = static_cast<std::size_t>(n);
    if (taken == size)
      return status::done;
  }
  auto now = clock();
  auto is_first = empty() && taken == 0;
  auto result = queue_rest(bytes, parts, taken, frames, now);
  return is_first && parts.size() > max_parts && result == status::blocked ? flush(now, writer)
                                                                           : result;
}

template <class Clock, class Writer>
outbox::status outbox::write_all(std::span<const output_piece> pieces, Clock&& clock,
                                 Writer&& writer) {
  if (sealed_)
    return empty() ? status::done : status::blocked;
  while (empty() && !pieces.empty()) {
    char copies[copied_bytes];
    std::array<iovec, max_parts> out;
    auto next = gather(pieces, copies, out);
    auto n = writer(out.data(), next.parts);
    if (n < 0)
      return status::broken;
    if (static_cast<std::size_t>(n) < next.bytes)
      return queue_rest(pieces, static_cast<std::size_t>(n), clock());
    pieces = pieces.subspan(next.pieces);
  }
  return pieces.empty() ? status::done : queue_rest(pieces, 0, clock());
}

template <class Writer>
outbox::status outbox::flush(steady_time now, Writer&& writer) {
  while (!empty()) {
    std::array<iovec, max_parts> out;
    auto count = gather(out);
    std::size_t size = 0;
    for (int i = 0; i < count; ++i)
      size += out[static_cast<std::size_t>(i)].iov_len;
    auto n = writer(out.data(), count);
    if (n < 0)
      return status::broken;
    if (n > 0) {
      progress_ = now;
      consume(static_cast<std::size_t>(n));
    }
    if (static_cast<std::size_t>(n) < size)
      return status::blocked;
  }
  return status::done;
}

} // namespace troupe::actors
