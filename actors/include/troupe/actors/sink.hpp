#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace troupe::actors {

/// A run of bytes in a buffer.
struct byte_range {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  [[nodiscard]] std::uint32_t size() const noexcept { return end - begin; }
};

/// What becomes of a frame for a member that is behind. Every other number is the name of a value:
/// of those of one name only the last one waits (`sink::put_value`).
enum class if_behind : std::uint64_t {
  queue = 0,
  skip = 1,
};
[[nodiscard]] constexpr bool is_value(if_behind what) noexcept { return what > if_behind::skip; }

/// What became of a value. The numbers do not change.
enum class value_fate : std::uint8_t {
  queued = 0,
  replaced = 1, ///< queued, and an older one gave way
  dropped = 2,
};

/// A run of whole frames in somebody's buffer.
struct output_piece {
  const protocol::shared_bytes* bytes;
  byte_range part;
  std::uint32_t frames;
  /// Of a single frame whose receiver is behind: the value that it is. Sinks do not look at it.
  if_behind value = if_behind::queue;
};

/// How the bound treats output: control output (errors, acks, `joined`, `left`, pong, close) counts
/// but is never dropped while the connection lives; data is what a cut drops.
enum class output_kind : std::uint8_t { control, data };

/// What a write to a sink reads outside of the sink, such as its TLS. A flush prefetches it while
/// the sink before is written to. Thread: the loop's.
class sink_state {
public:
  /// Changes nothing. Cost: no waiting if the object itself is in the cache.
  virtual void prefetch() const noexcept = 0;

protected:
  ~sink_state() = default;
};

/// The output side of one session, without its socket. Thread: the loop's.
///
/// Invariants: bytes leave in the order of the calls; every range starts and ends at a frame
/// boundary; no call calls back into actors, session table or dispatcher, or destroys the sink: a
/// failed or cut session only marks itself and ends later, from the loop. After a close frame
/// nothing is written; calls are then ignored. Errors: no call throws. A session that has no memory
/// for what it is given ends itself: closed with `internal` (1011) if there is memory for that,
/// else without a close frame.
class sink {
public:
  virtual ~sink() = default;

  /// Sends `parts` of `batch` now if nothing is queued, and queues what the socket does not take;
  /// queues all of it otherwise. Data. `frames`: how many frames the parts hold. Cost: one send, no
  /// allocation, while the socket takes all.
  virtual void write(const protocol::shared_bytes& batch, std::span<const byte_range> parts,
                     std::uint32_t frames) = 0;

  /// As `write`, for pieces of several buffers: sessions send as many of them at once as they can;
  /// by default piece by piece.
  virtual void write_all(std::span<const output_piece> pieces) {
    for (auto& p : pieces)
      write(*p.bytes, {&p.part, 1}, p.frames);
  }

  /// Queues `part` of `bytes`; it leaves with the next `flush`. The caller sees to it that a flush
  /// comes (`session_table::append`).
  virtual void append(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t frames,
                      output_kind kind) = 0;

  /// Queues `part` of `bytes`, one frame of a room, for a peer that is behind. A value of that name
  /// that waits gives way, unless a part of it has left, and this one goes last. Values have a
  /// bound of their own, beyond which they are dropped; nobody is cut for them. By default all are.
  virtual value_fate put_value(const protocol::shared_bytes&, byte_range /*part*/,
                               if_behind /*name*/) {
    return value_fate::dropped;
  }

  /// Drops the values that wait, but for one of which a part has left. Returns how many.
  virtual std::size_t drop_values() noexcept { return 0; }

  /// Sends what is queued as far as the socket takes it.
  virtual void flush() = 0;

  /// Queues a ping frame (RFC 6455, 5.5.2) with at most 125 bytes.
  virtual void ping(std::string_view payload = {}) = 0;

  /// Lets queued output go first, then a close frame with the code of `why` and `reason` (empty:
  /// the name of `why`); the socket ends with the peer's close frame or at the close deadline.
  virtual void close(protocol::errc why, std::string_view reason = {}) = 0;

  /// As `close`, with a code of the application's: 1000 or 3000 to 4999.
  virtual void close_with(std::uint16_t code, std::string_view reason) = 0;

  /// Drops queued data frames (a half-written frame is finished), then closes as `close` does.
  virtual void cut(protocol::errc why) = 0;

  /// Ends the socket at once.
  virtual void terminate(protocol::errc why) = 0;

  /// Called once the connection's credit or its byte rate, which has stopped reading, allows it
  /// again.
  virtual void resume_reading() = 0;

  /// When the peer's last byte came; stands still (is "now") while reading is paused.
  [[nodiscard]] virtual steady_time last_inbound() const = 0;

  /// What a write reads outside of the sink; null: nothing. Lives as long as the session is open.
  [[nodiscard]] virtual const sink_state* state() const noexcept { return nullptr; }

  /// Bytes that are queued and have not left.
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;

  /// Whether the peer does not take what it is sent as fast as it comes: it then does not get what
  /// may be skipped, and of values the last ones.
  [[nodiscard]] virtual bool is_behind() const { return queued_bytes() > 0; }

  /// When the oldest queued data frame was queued; values do not count.
  [[nodiscard]] virtual std::optional<steady_time> oldest_queued() const = 0;
};

} // namespace troupe::actors
