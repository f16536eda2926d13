#pragma once

#include "tls/channel.hpp"
#include "websocket/inbound_parts.hpp"

#include <troupe/actors/credit.hpp>
#include <troupe/actors/event_loop.hpp>
#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// What all readers of sessions share. Fixed while the server runs.
struct reader_settings {
  protocol::ws_limits limits;
  inbound_account* parts = nullptr; ///< who has received messages in part
};

/// The input of a session: turns the bytes of a channel into events. While the owner may not hear,
/// it stops reading, and its clocks stand still. Of what it has read, it keeps the bytes that were
/// not heard: those of one read (16 KiB at most), or of `take_early`.
///
/// Invariants: nothing is heard after `stop`; after `await_close` the peer's close frame and its
/// end alone, whatever the owner may hear. A message that has come in part counts in the account of
/// parts. The owner's duty: to call one of the two from within `on_event` for a close frame and for
/// an error; otherwise the reader goes on reading, and drops what comes. Errors: what its owner
/// throws, and `std::bad_alloc`. Thread: the loop's.
class session_reader final : public inbound_parts::holder {
public:
  /// The session, which it asks and tells. A callback may stop the reader, but not destroy it.
  class owner {
  public:
    /// Whether the next message may be heard. If not, the owner calls `resume` later.
    virtual bool may_hear() = 0;
    virtual void on_event(protocol::ws_event event) = 0;
    /// The peer has ended.
    virtual void on_gone() = 0;
    /// The owner is to call `read` once others had their turn.
    virtual void read_later() = 0;
    /// A message has come in part: the deadline for its rest counts from `since`.
    virtual void on_part(actors::steady_time since) = 0;
    /// Takes credit for a message that is still to be inflated: a node that drains waits for it.
    virtual actors::credit expect_message() = 0;
    /// Others need the memory of the message that has come in part, and nobody has held one for
    /// longer.
    virtual void on_parts_needed() = 0;

  protected:
    ~owner() = default;
  };

  /// All three outlive it.
  session_reader(channel& from, const reader_settings& how, owner& o)
    : channel_(from), how_(how), owner_(o), reader_(how.limits), heard_at_(from.loop().now()) {}
  session_reader(channel&, reader_settings&&, owner&) = delete;

  /// The peer may send deflated messages, which `inflater` inflates.
  void allow_deflate(protocol::ws_inflater& inflater) { reader_.allow_deflate(inflater, false); }

  // -- input --------------------------------------------------------------------------------------

  /// Hears what was read behind the upgrade, before the session began: at most what HTTP has
  /// buffered. That is 72 KiB without TLS (if the buffer grew for a request before it in one send),
  /// and over TLS one record and the 17 KiB that Asio reads ahead.
  void take_early(std::string_view bytes);
  /// Reads what is there, or goes on with what is being inflated.
  void read();
  /// Reads once there is something that may be heard: what was read and not heard yet, then what
  /// the channel has.
  void read_next();
  /// Lets the clocks go on: the owner may hear again, or has to, because it waits for the peer's
  /// close frame. Returns whether they stood still. If so, `read_next` is to be called, from the
  /// loop.
  bool resume();
  /// Whether its clocks stand still.
  [[nodiscard]] bool is_paused() const noexcept { return is_paused_; }

  /// Hears the peer's close frame alone from now on, also behind an error, and throws the rest
  /// away: what has come in part, and 1 MiB that the channel brings (over TLS 17 KiB more). Beyond
  /// that it reads nothing, and still tells of the peer's end. (To end the session at once would
  /// reset the connection, and the peer could lose our close frame.) A callback may call it. Does
  /// nothing after `stop`.
  void await_close() noexcept;
  /// Hears nothing any more, and drops the message that has come in part. A callback may call it.
  /// Bytes that were read and not heard stay until the next `read_next`, or the reader's end.
  void stop() noexcept;
  [[nodiscard]] bool is_stopped() const noexcept { return is_stopped_; }
  /// How many messages were heard, modulo its range.
  [[nodiscard]] std::uint32_t heard_messages() const noexcept { return messages_; }

  // -- time ---------------------------------------------------------------------------------------

  /// When the peer's last byte came; "now" while its clocks stand still.
  [[nodiscard]] actors::steady_time last_inbound() const { return is_paused_ ? now() : heard_at_; }
  /// When the message began that has come in part and whose rest may still be heard.
  [[nodiscard]] std::optional<actors::steady_time> part_since() const {
    return is_paused_ ? std::nullopt : reader_.open_since();
  }

private:
  void give_up_input() override { owner_.on_parts_needed(); }

  [[nodiscard]] bool may_hear() {
    return !is_stopped_ && (awaits_close_ ? has_room_for_more() : owner_.may_hear());
  }
  [[nodiscard]] bool has_room_for_more() const noexcept { return thrown_away_ < most_thrown_away; }
  std::size_t read_some(boost::asio::mutable_buffer into, boost::system::error_code& ec);
  void await_end();
  bool take_in(std::string_view bytes);
  void take_rest();
  void take_events(std::string_view& bytes);
  void take(protocol::ws_event event);
  void hold_parts();
  void give_up_message() noexcept;

  [[nodiscard]] actors::steady_time now() const { return channel_.loop().now(); }

  static constexpr std::uint32_t most_thrown_away = 1024 * 1024;

  /// What was read and may not be heard yet.
  struct unheard {
    std::string bytes;
    std::size_t at = 0; ///< those before were heard
  };

  channel& channel_;
  const reader_settings& how_;
  owner& owner_;
  protocol::ws_reader reader_;
  std::unique_ptr<unheard> rest_; ///< null: none, the usual case
  /// Of a message that is not whole yet, or not inflated.
  std::unique_ptr<inbound_parts::share> parts_;
  actors::credit inflating_; ///< of a message that is not inflated yet
  actors::steady_time heard_at_;
  actors::steady_time paused_at_{};
  std::uint32_t messages_ = 0;
  std::uint32_t thrown_away_ = 0; ///< bytes, while it awaits a close frame
  bool is_paused_ = false;
  bool is_stopped_ = false;
  bool awaits_close_ = false;
};

} // namespace troupe::transport
