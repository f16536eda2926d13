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

/// How a session ends: where it stands, why, by when; and the time in between, when its output is
/// shut and what still comes is thrown away.
///
/// Invariants: the phases come in order; `end` is true once. Thread: the loop's.
class session_ending final : actors::timer_wheel::entry {
public:
  enum class phase : std::uint8_t {
    opening,
    open,
    closing,   ///< a close frame of either side is on its way
    lingering, ///< output is shut; input is thrown away until the peer ends or the deadline
    ended,
  };

  /// Whom it asks and tells.
  class owner {
  public:
    /// Keeps the session.
    [[nodiscard]] virtual std::shared_ptr<void> hold() = 0;
    /// Since when a message has come in part, the rest of which may still be heard.
    [[nodiscard]] virtual std::optional<actors::steady_time> part_since() const = 0;
    /// A time has passed that it was to be told of: `check` is to be called, from within what
    /// contains its exceptions.
    virtual void on_time() noexcept = 0;
    /// The peer has not done in time what it had to: `write_timeout` or `assembly_timeout`.
    virtual void on_late(protocol::errc why) = 0;
    /// There is more to throw away: `throw_input_away` is to be called while it lingers, likewise.
    virtual void on_input() = 0;
    /// It ends now.
    virtual void end() noexcept = 0;

  protected:
    ~owner() = default;
  };

  session_ending(session_writer& writer, const session_deadlines& deadlines, owner& o)
    : writer_(writer), deadlines_(deadlines), owner_(o) {}

  // -- where it stands ----------------------------------------------------------------------------

  [[nodiscard]] bool is(phase p) const noexcept { return phase_ == p; }
  /// What the application is told that the server has ended it for; empty if it has not, or ends
  /// itself.
  [[nodiscard]] std::string_view error() const noexcept;
  /// As a counter calls it: the close code and the name of what the server ended it for, or who
  /// else has. Ends with a zero.
  [[nodiscard]] std::array<char, 64> label() const noexcept;

  // -- steps --------------------------------------------------------------------------------------

  void open() noexcept { phase_ = phase::open; }
  /// A close frame is on its way; the first reason stays.
  void begin(protocol::errc why);
  /// The first reason stays.
  void note(protocol::errc why) noexcept {
    if (why_ == protocol::errc::ok)
      why_ = why;
  }
  /// The application has ended it, and named no error.
  void note_application() noexcept { by_application_ = true; }
  /// Shuts the output and throws input away until the peer ends: closing with input unread would
  /// reset the connection and could take our close frame with it.
  void linger();
  /// There is input meanwhile.
  void throw_input_away();
  /// Ends it from the loop, or by its deadline if there is no memory for that.
  void end_soon() noexcept;
  /// It has ended; false if it had before.
  [[nodiscard]] bool end() noexcept;

  // -- deadlines ----------------------------------------------------------------------------------

  void await_write() { arm(writer_.last_progress() + deadlines_.write); }
  void await_rest_of_message(actors::steady_time since) { arm(since + deadlines_.assembly); }
  /// Tells the owner of what is late, and waits for what is next.
  void check();

private:
  void on_deadline() override { owner_.on_time(); }
  void arm(actors::steady_time at);
  [[nodiscard]] actors::event_loop& loop() const noexcept { return writer_.loop(); }

  session_writer& writer_;
  const session_deadlines& deadlines_;
  owner& owner_;
  phase phase_ = phase::opening;
  bool is_due_ = false; ///< it has nothing to wait for
  bool by_application_ = false;
  protocol::errc why_ = protocol::errc::ok; ///< the server ended it
  actors::steady_time armed_at_{};
  actors::steady_time closing_at_{};
};

} // namespace troupe::transport
