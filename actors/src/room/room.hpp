#pragma once

#include "context/node_context.hpp"
#include "room/room_core.hpp"
#include "room/tick_collector.hpp"
#include "room/room_mail.hpp"
#include "room/room_inbox.hpp"

#include "runtime/owed_answer.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The actor of one room incarnation: hands messages to its core and sends what the core decides.
///
/// It monitors no connection. A connection that ends leaves its rooms first (`say_farewell`,
/// repeated until it succeeds), and monitors hear of its end only after that: a monitor would tell
/// the room nothing new.
class room final : public compat::dispatched_base<room_actor, room_input>::type,
                   public room_output,
                   public mail_host,
                   private room_inbox::owner {
public:
  room(caf::actor_config& cfg, compat::loop_context& home, node_context& shared, loop_unit& unit,
       std::string name, room_key key, std::shared_ptr<room_cell> cell);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.room"; }

  caf::resumable::resume_result resume(compat::context_base* context,
                                       std::size_t max_messages) override {
    unit_.loop->concerns(room_name_, name());
    return dispatched::resume(context, max_messages);
  }

private:
  void handle(room_input& in) override {
    unit_.loop->concerns(room_name_);
    core_->input(in);
  }
  void handle(entry_waits&) override;
  void handle(leave_request& request) override {
    unit_.loop->concerns(room_name_);
    core_->leave(request);
  }
  /// Wakes the room for what it has put off.
  struct work_timer final : timer_wheel::entry {
    work_timer(room& r, room_work w) : owner(r), what(w) {}
    void on_deadline() override { owner.on_work_due(*this); }
    room& owner;
    room_work what;
  };

  /// Wakes it for its own timers.
  struct timers_entry final : deadline_queue::entry {
    explicit timers_entry(room& r) : owner(r) {}
    void on_deadline() override { owner.on_timers_due(); }
    room& owner;
  };
  /// Wakes it for its next tick.
  struct tick_entry final : ticker::member {
    tick_entry(room& r, ticker& t) : owner(r), among(t) {}
    void on_tick_due() override { owner.on_tick_due(); }
    room& owner;
    ticker& among;
  };

  void on_work_due(work_timer& timer);
  void on_timers_due();
  void on_tick_due();
  void run_tick();
  void send_collected();
  [[nodiscard]] bool collects_for(std::uint32_t loop) const noexcept {
    return collected_.is_on && loop != unit_.loop->index();
  }
  void start_ticks(unsigned rate);
  void do_work(room_work what);
  [[nodiscard]] work_timer& timer_of(room_work what) noexcept;
  void on_answers() override { on_work_due(answers_); }
  void put_back(std::unique_ptr<join_request> join, std::size_t place) noexcept;
  void put_back_joins(bool has_crashed) noexcept;
  bool enter(join_request& request);
  bool enter(leave_request& request) {
    core_->leave(request);
    return true;
  }
  bool enter(observe_request& request) {
    core_->observe(request);
    return true;
  }
  bool enter(unobserve_request& request) {
    core_->unobserve(request.who);
    return true;
  }
  bool enter(hold_request& request);
  bool enter(release_request& request) {
    core_->release(request);
    return true;
  }
  caf::result<bool> handled(const await_handled& asked);
  [[nodiscard]] caf::result<caf::strong_actor_ptr> as(const interface_ref& wanted);
  void await_end(const caf::actor& who);
  void on_end(const caf::actor& who, const caf::error& why);
  void end_mail() noexcept;
  void await_answers(session_key who, const compat::owed_answer<bool>& asker) noexcept;
  void tell_handled(session_key who, const compat::owed_answer<bool>& asker, bool goes_on) noexcept;
  void give_up(session_key who) noexcept;
  void crash(std::exception_ptr thrown) noexcept;
  void say_crash() noexcept;
  void say_farewell() override;
  void release_state() override;
  [[nodiscard]] caf::behavior set_up();

  // -- mail_host ----------------------------------------------------------------------------------
  caf::scheduled_actor& as_actor() noexcept override { return *this; }
  room_core* core() noexcept override { return core_ ? &*core_ : nullptr; }
  void attend(const caf::actor& whom) override { await_end(whom); }

  // -- room_output --------------------------------------------------------------------------------
  void to_dispatcher(std::uint32_t loop, subscribe message) override;
  void to_dispatcher(std::uint32_t loop, member_frame message) override;
  void to_dispatchers(const std::vector<std::uint32_t>& loops, fan_out message) override;
  void cut(session_key who) override;
  void member_kicked(const caf::strong_actor_ptr& connection) override;
  void to_observer(const caf::actor& who, room_event event) override;
  void observer_joined(const caf::actor& who) override;
  void observer_left(const caf::actor& who) override;
  void room_ended(const std::vector<std::uint32_t>& loops, room_end reason) override;
  void report_empty(std::chrono::milliseconds linger) override;
  void request_end(room_end reason) override;
  std::size_t queued_bytes(session_key who) const override;
  void read_queue(session_key who, std::shared_ptr<queue_reading> to) override;
  std::uint32_t loop() const override { return unit_.loop->index(); }
  std::shared_ptr<answer_inbox> inbox() override;
  void join_decided(const join_request& request, join_reply reply) override;
  void all_answered(session_key who) override;
  void work_at(room_work what, actors::steady_time when) override {
    if (what == room_work::run_timers)
      return unit_.loop->deadlines().arm(timers_, when);
    unit_.loop->timers().arm(timer_of(what), when);
  }
  void tell_matchmaker(room_report report) override;
  void report_hook_failure(const char* hook) noexcept override;
  actors::steady_time now() const override { return unit_.loop->now(); }
  void time_has_passed() noexcept override { unit_.loop->time_has_passed(); }
  wall_time wall_now() const override { return unit_.loop->wall_now(); }

  node_context& shared_;
  loop_unit& unit_;
  std::string room_name_;
  room_key key_;
  std::shared_ptr<room_cell> cell_;
  std::vector<dispatcher_actor> targets_; ///< scratch of `to_dispatchers`
  std::shared_ptr<room_inbox> inbox_;     ///< null: nothing was ever answered later
  /// Connections that wait until the room has answered all that they have said.
  std::vector<std::pair<session_key, compat::owed_answer<bool>>> waiting_;
  matchmaker_actor matchmaker_; ///< of its pattern; null: it is not listed
  std::optional<room_core> core_;
  std::unique_ptr<room_mail> mail_; ///< null: its behaviour does not speak CAF
  work_timer changes_{*this, room_work::tell_changes};
  work_timer seats_{*this, room_work::end_seats};
  work_timer requests_{*this, room_work::end_requests};
  work_timer pressure_{*this, room_work::tell_pressure};
  timers_entry timers_{*this};
  std::unique_ptr<tick_entry> tick_; ///< null: it does not tick
  tick_collector collected_;         ///< what it has said in the tick under way
  work_timer answers_{*this, room_work::take_answers};
  work_timer listing_{*this, room_work::keep_listing};
};

} // namespace troupe::actors
