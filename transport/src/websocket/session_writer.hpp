#pragma once

#include "net/traffic.hpp"
#include "tls/channel.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/outbox.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/protocol/codec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace troupe::transport {

/// The output of a session: its outbox, its channel, and the wait for room in the channel.
///
/// Invariants: what was appended goes before what is written later; while it waits for room nothing
/// is sent. Errors: the output functions may throw `std::bad_alloc` or `std::system_error`; what
/// was queued before stays as it was. Cost: `write` to a channel that takes all: one system call,
/// no allocation. Thread: the loop's.
class session_writer {
public:
  /// The session, which it tells. A callback may stop the writer, but not destroy it.
  class owner {
  public:
    /// The channel takes no more now: the deadline of queued output begins.
    virtual void on_blocked() = 0;
    /// All output has left, a close frame last.
    virtual void on_last_sent() = 0;
    /// The channel takes nothing any more.
    virtual void on_broken() = 0;
    /// More is queued than the bound allows.
    virtual void on_over_bound() = 0;

  protected:
    ~owner() = default;
  };

  /// `make_channel` returns a `channel`; `meter` counts what the outbox copies, and may be null.
  template <class MakeChannel>
  session_writer(MakeChannel&& make_channel, const actors::outbox::bounds& bounds,
                 protocol::memory_meter* meter, loop_traffic& traffic, owner& o)
    : outbox_(bounds, meter),
      channel_(std::forward<MakeChannel>(make_channel)()),
      traffic_(traffic),
      owner_(o) {}

  /// The channel that it writes to.
  [[nodiscard]] channel& next_layer() noexcept { return channel_; }
  [[nodiscard]] actors::event_loop& loop() const noexcept { return channel_.loop(); }
  /// As `actors::sink::state`.
  [[nodiscard]] const actors::sink_state* state() const noexcept { return channel_.state(); }

  /// Counts what is queued under `e` from now on.
  void set_encoding(protocol::encoding e) noexcept { encoding_ = e; }

  // -- output -------------------------------------------------------------------------------------

  /// As `actors::sink::write`. (Inlined by force: see `socket_writer`.)
  [[gnu::always_inline]] void write(const protocol::shared_bytes& batch,
                                    std::span<const actors::byte_range> parts,
                                    std::uint32_t frames) {
    if (!takes_output_)
      return;
    if (appends_first())
      return append_all(batch, parts, frames);
    auto s = outbox_.write(
      batch, parts, frames, [this] { return now(); }, channel_);
    if (s != actors::outbox::status::done || outbox_.sealed() || channel_.unsent_bytes() > 0)
      note(s);
  }

  /// As `actors::sink::write_all`.
  void write_all(std::span<const actors::output_piece> pieces);
  /// As `actors::sink::append`.
  void append(const protocol::shared_bytes& bytes, actors::byte_range part, std::uint32_t frames,
              actors::output_kind kind);
  /// As `actors::sink::put_value`.
  actors::value_fate put_value(const protocol::shared_bytes& bytes, actors::byte_range part,
                               actors::if_behind name);
  /// As `actors::sink::drop_values`.
  std::size_t drop_values() noexcept;
  /// One whole frame of the server's own.
  void append(const protocol::shared_bytes& frame) {
    append(frame, {0, static_cast<std::uint32_t>(frame.size())}, 1, actors::output_kind::control);
  }
  /// Sends what is queued as far as the channel takes it.
  void flush();
  /// Waits for room if TLS has answered by itself and the socket has not taken that.
  void note_unsent();
  /// Notes progress if the peer has taken bytes that the kernel held. The kernel tells of room only
  /// once a third of its buffer is free, which a slow reader may need long for.
  void note_drained() noexcept;
  /// The channel has room again.
  void on_room();

  // -- the end ------------------------------------------------------------------------------------

  /// Queues a close frame behind everything, and takes nothing after it.
  void close(const protocol::shared_bytes& frame) { outbox_.close(frame, now()); }
  /// As `actors::outbox::cut`.
  std::size_t cut(const protocol::shared_bytes& close_frame);
  /// Whether a close frame was queued.
  [[nodiscard]] bool is_sealed() const noexcept { return outbox_.sealed(); }
  /// Sends nothing any more, and drops what is queued.
  void stop() noexcept;
  /// Whether it was stopped, or the channel was found to take nothing.
  [[nodiscard]] bool is_stopped() const noexcept { return !takes_output_; }

  // -- what waits ---------------------------------------------------------------------------------

  [[nodiscard]] bool has_output() const noexcept {
    return takes_output_ && (channel_.unsent_bytes() > 0 || !outbox_.empty());
  }
  /// Whether the channel has not taken all that it was given.
  [[nodiscard]] bool is_waiting() const noexcept { return waits_for_room_; }
  /// Whether the peer has more than half of its bound still to take.
  [[nodiscard]] bool lags() const noexcept { return waits_for_room_ && outbox_.half_full(); }
  /// Whether the peer may be heard. A peer that lags may say little more: a `leave` is heard, and
  /// what it brings upon itself does not fill the rest of its bound.
  [[nodiscard]] bool allows_input() const noexcept {
    return !lags() || heard_while_lagging_ < outbox_.bound().max_frames / 16;
  }
  /// The peer has said so much.
  void note_input(std::size_t bytes) noexcept {
    constexpr std::size_t small = 256;
    heard_while_lagging_ =
      lags() ? heard_while_lagging_ + 1 + static_cast<std::uint32_t>(bytes / small) : 0;
  }
  [[nodiscard]] std::size_t queued_bytes() const noexcept {
    return outbox_.queued_bytes() + channel_.unsent_bytes();
  }
  [[nodiscard]] std::optional<actors::steady_time> oldest_queued() const noexcept {
    return outbox_.oldest_data();
  }
  /// When bytes last left, or when the queue last became non-empty.
  [[nodiscard]] actors::steady_time last_progress() const noexcept {
    return outbox_.last_progress();
  }

private:
  [[nodiscard]] actors::steady_time now() const { return loop().now(); }
  /// Whether something was appended in this turn: that leaves first, at the turn's end.
  [[nodiscard]] bool appends_first() const noexcept { return !outbox_.empty() && !waits_for_room_; }
  void append_all(const protocol::shared_bytes& batch, std::span<const actors::byte_range> parts,
                  std::uint32_t frames);
  void send_queued();
  void note(actors::outbox::status s);
  void wait_for_room();
  void note_queued() noexcept;
  void count_queued(std::array<std::uint32_t, 2> bytes) noexcept;
  void check_bound();

  // What each delivery touches comes first and lies together.
  actors::outbox outbox_;
  bool takes_output_ = true;
  bool waits_for_room_ = false;
  protocol::encoding encoding_ = protocol::encoding::plain_json;
  std::uint32_t heard_while_lagging_ = 0; ///< small messages, or as much in one
  std::uint32_t undelivered_ = 0;         ///< bytes, at the last look
  std::array<std::uint32_t, 2> queued_{}; ///< what `traffic_` counts of the outbox, by kind
  channel channel_;
  loop_traffic& traffic_;
  owner& owner_;
};

} // namespace troupe::transport
