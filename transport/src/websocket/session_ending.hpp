#pragma once

#include "websocket/session_writer.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/timer_wheel.hpp>
#include <troupe/protocol/errc.hpp>
#include <troupe/transport/session_deadlines.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace troupe::transport {

/// The end of a session: its phase, its reason and its deadlines.
///
/// Invariants: the phases come in order; `end` returns true once. Thread: the loop's.
class session_ending final : actors::timer_wheel::entry {
public:
  enum class phase : std::uint8_t {
    opening,
    open,
    closing,   ///< a close frame of either side is on its way
    lingering, ///< output is shut; the peer ends, or the deadline does
    ended,
  };

  /// The session, which it asks and tells; it is the channel's owner, too.
  class owner : public polled_socket::owner {
  public:
    /// When the message began that has come in part and whose rest may still be heard; nothing if
    /// there is none.
    [[nodiscard]] virtual std::optional<actors::steady_time> part_since() const = 0;
    /// A deadline may have passed. The owner is to call `check`, from within what contains its
    /// exceptions.
    virtual void on_time() noexcept = 0;
    /// The peer has missed a deadline: `write_timeout` or `assembly_timeout`.
    virtual void on_late(protocol::errc why) = 0;
    /// Ends the session now.
    virtual void end() noexcept = 0;

  protected:
    ~owner() = default;
  };

  session_ending(session_writer& writer, const session_deadlines& deadlines, owner& o)
    : writer_(writer), deadlines_(deadlines), owner_(o) {}

  // -- where it stands ----------------------------------------------------------------------------

  [[nodiscard]] bool is(phase p) const noexcept { return phase_ == p; }
  /// Why the server has ended the session, as the application is told; empty if the server has not,
  /// or is stopping itself.
  [[nodiscard]] std::string_view error() const noexcept;
  /// The label of its counter: close code and name of the server's reason, or who else ended the
  /// session. Ends with a zero.
  [[nodiscard]] std::array<char, 64> label() const noexcept;

  // -- steps --------------------------------------------------------------------------------------

  void open() noexcept { phase_ = phase::open; }
  /// A close frame is on its way; the first reason stays.
  void begin(protocol::errc why);
  /// The output is broken. What the peer has sent still takes effect, up to the deadline of a
  /// close.
  void mute() { start_deadline(); }
  /// The first reason stays.
  void note(protocol::errc why) noexcept {
    if (why_ == protocol::errc::ok)
      why_ = why;
  }
  /// The application has ended it, and named no error.
  void note_application() noexcept { by_application_ = true; }
  /// Shuts the output and waits for the peer's end: closing with unread input would reset the
  /// connection, and the peer could lose our close frame.
  void linger();
  /// Ends the session from the loop, or by its timer if there is no memory for that.
  void end_soon() noexcept;
  /// Notes that the session has ended; false if it had before.
  [[nodiscard]] bool end() noexcept;

  // -- deadlines ----------------------------------------------------------------------------------

  void await_write() { arm(writer_.last_progress() + look_at_writing()); }
  void await_rest_of_message(actors::steady_time since) { arm(since + deadlines_.assembly); }
  /// Tells the owner which deadline has passed, and arms the next one.
  void check();

private:
  void on_deadline() override { owner_.on_time(); }
  void start_deadline();
  void arm(actors::steady_time at);
  [[nodiscard]] actors::event_loop& loop() const noexcept { return writer_.loop(); }
  /// How often it looks whether a blocked peer takes anything.
  [[nodiscard]] actors::steady_time::duration look_at_writing() const noexcept {
    return deadlines_.write / 4;
  }

  session_writer& writer_;
  const session_deadlines& deadlines_;
  owner& owner_;
  phase phase_ = phase::opening;
  bool is_due_ = false; ///< it ends at the next chance
  bool by_application_ = false;
  protocol::errc why_ = protocol::errc::ok; ///< the server ended it
  actors::steady_time armed_at_{};
  actors::steady_time closing_at_{};
};

} // namespace troupe::transport
