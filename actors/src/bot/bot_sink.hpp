#pragma once

#include <troupe/actors/bot.hpp>
#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/room_event.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/protocol/observe.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The output side of a bot's session: what a client would be sent becomes events for an actor.
///
/// Invariants: the actor hears `joined` first, or `refused`, which is the last; after `closed`
/// nothing. Broadcasts take the actor's credit; while it has none they are dropped, and counted for
/// a `gap`, or it is removed. Of values, the last one of each name waits for credit (`most_values`
/// names, more are dropped). What else it is told takes credit, too, but does not wait for it: it
/// answers what the bot has said, and that has a bound.
/// Errors: without memory for an event, it ends. Thread: the loop's.
class bot_sink final : public sink {
public:
  static constexpr std::size_t most_values = 256;

  /// `wake` is called, perhaps several times, when there is something to do outside of the sink's
  /// calls: it has ended, may read on, or has credit again. On any thread; it must not throw.
  bot_sink(event_loop& loop, caf::actor who, std::string room, const bot_options& options,
           protocol::event_counters& counters, std::function<void()> wake);

  /// Whether it takes nothing any more.
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  /// Whether its room has told it that it is no member any more, or never was one.
  [[nodiscard]] bool has_left() const noexcept { return has_left_; }
  /// Ends it; the actor has still to be told so.
  void end() noexcept;
  /// Tells the actor that it is no member, unless it has been told. Errors: `std::bad_alloc`; then
  /// it has not been told.
  void say_last();
  /// Gives the values that wait, as far as there is credit.
  void give_values() noexcept;

  // -- sink ---------------------------------------------------------------------------------------
  void write(const protocol::shared_bytes& batch, std::span<const byte_range> parts,
             std::uint32_t frames) override;
  void append(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t frames,
              output_kind kind) override;
  value_fate put_value(const protocol::shared_bytes& bytes, byte_range part,
                       if_behind name) override;
  std::size_t drop_values() noexcept override;
  void flush() override {}
  void ping(std::string_view) override {}
  void close(protocol::errc, std::string_view) override { end(); }
  void close_with(std::uint16_t, std::string_view) override { end(); }
  void cut(protocol::errc) override { end(); }
  void terminate(protocol::errc) override { end(); }
  void resume_reading() override { wake_(); }
  [[nodiscard]] steady_time last_inbound() const override { return loop_.now(); }
  /// What the events hold that the actor has not handled.
  [[nodiscard]] std::size_t queued_bytes() const override {
    return static_cast<std::size_t>(account_->held_bytes());
  }
  [[nodiscard]] bool is_behind() const override { return !account_->positive(); }
  /// The budget of output does not count what actors hold.
  [[nodiscard]] std::optional<steady_time> oldest_queued() const override { return std::nullopt; }

private:
  template <class F>
  void contained(F&& f) noexcept;
  void take_broadcast(std::string_view frame);
  void take_word(std::string_view frame);
  void fall_behind() noexcept;
  void tell_gap();
  void tell(room_event::kind what, std::string_view frame);

  event_loop& loop_;
  caf::actor who_;
  std::string room_;
  protocol::codec codec_;
  behind_policy policy_;
  protocol::event_counters& counters_;
  std::function<void()> wake_;
  std::shared_ptr<credit_account> account_;
  std::vector<std::pair<if_behind, protocol::shared_bytes>> values_; ///< the oldest first
  std::uint64_t dropped_ = 0;                                        ///< since the last gap
  bool is_member_ = false;                                           ///< has been told so
  bool has_left_ = false;
  bool has_ended_ = false;
  bool has_said_last_ = false;
};

} // namespace troupe::actors
