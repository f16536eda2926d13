#pragma once

#include "fanout/dispatcher.hpp"
#include "room/room_core.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/room_port.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// What the mail of a room asks its actor.
class mail_host {
public:
  [[nodiscard]] virtual caf::scheduled_actor& as_actor() noexcept = 0;
  /// Null: the room's state is gone.
  [[nodiscard]] virtual room_core* core() noexcept = 0;
  /// Calls `room_mail::on_down` once `whom` has ended.
  virtual void attend(const caf::actor& whom) = 0;

protected:
  ~mail_host() = default;
};

/// What a room that speaks CAF (`typed_room`) exchanges with other actors: answers that it awaits
/// or owes, and actors whose end it awaits.
///
/// Invariants: an answer that is awaited is kept until it has come, its time is over or the room
/// ends; an answer that is owed is given, or refused at the end. Bound: `most` answers are awaited;
/// what is owed is as much as others have asked. Thread: the room's.
class room_mail final : public room_port {
public:
  room_mail(mail_host& host, event_loop& loop, loop_counts& counts, std::string_view room,
            const std::type_info& interface, std::size_t most)
    : host_(host), loop_(loop), counts_(counts), room_(room), interface_(interface), most_(most) {}

  /// Whether that is the interface of the behaviour.
  [[nodiscard]] bool speaks(const std::type_info& interface) const noexcept {
    return interface_ == interface;
  }

  /// Whether it awaits that actor's end.
  [[nodiscard]] bool watches(const caf::actor& whom) const { return watched_.contains(whom.id()); }
  void on_down(caf::actor_id whom, const caf::error& why);

  /// Refuses what the room owes. May throw, for want of memory: the next call goes on from there.
  void refuse_all();
  /// Forgets all handlers: the room has ended.
  void clear() noexcept {
    awaited_.clear();
    watched_.clear();
  }

  // -- room_port ----------------------------------------------------------------------------------
  caf::scheduled_actor& actor() noexcept override { return host_.as_actor(); }
  room_context* context() noexcept override;
  hook_fate run(const char* name, const std::function<void()>& f) override;
  void note_message() noexcept override;
  bool may_ask() const noexcept override { return most_ == 0 || awaited_.size() < most_; }
  void keep(caf::message_id answer, std::chrono::nanoseconds limit,
            std::shared_ptr<void> handlers) override;
  void forget(caf::message_id answer) noexcept override { awaited_.erase(answer.integer_value()); }
  void watch(const caf::actor& whom, std::function<void(const caf::error&)> f) override;
  std::shared_ptr<owed_reply> owe() override;

private:
  /// An answer that is awaited.
  struct awaited final : timer_wheel::entry {
    awaited(room_mail& m, caf::message_id a, std::shared_ptr<void> h)
      : owner(m), answer(a), handlers(std::move(h)) {}
    void on_deadline() override;
    room_mail& owner;
    caf::message_id answer;
    std::shared_ptr<void> handlers;
  };
  class owed;

  mail_host& host_;
  event_loop& loop_;
  loop_counts& counts_;
  std::string_view room_;
  const std::type_info& interface_;
  std::size_t most_;
  std::unordered_map<std::uint64_t, std::unique_ptr<awaited>> awaited_; ///< by `answer`
  std::unordered_map<caf::actor_id, std::function<void(const caf::error&)>> watched_;
  std::vector<std::weak_ptr<owed>> owed_; ///< some have been given
};

} // namespace troupe::actors
