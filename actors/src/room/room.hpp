#pragma once

#include "context/node_context.hpp"
#include "room/room_core.hpp"

#include <optional>

namespace troupe::actors {

/// The actor of one room incarnation: hands messages to its core and sends what the core decides.
///
/// It monitors no connection. A connection that ends leaves its rooms first (`say_farewell`,
/// repeated until it succeeds), and monitors hear of its end only after that: a monitor would tell
/// the room nothing new.
class room final : public compat::dispatched_base<room_actor, room_input>::type,
                   public room_output {
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

  void on_work_due(work_timer& timer);
  void do_work(room_work what);
  [[nodiscard]] work_timer& timer_of(room_work what) noexcept;
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
  void crash(std::exception_ptr thrown) noexcept;
  void say_crash() noexcept;
  void say_farewell() override;
  void release_state() override;
  void set_up();

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
  void work_at(room_work what, actors::steady_time when) override {
    unit_.loop->timers().arm(timer_of(what), when);
  }
  void tell_matchmaker(room_report report) override;
  void report_hook_failure(const char* hook) noexcept override;
  actors::steady_time now() const override { return unit_.loop->now(); }
  wall_time wall_now() const override { return unit_.loop->wall_now(); }

  node_context& shared_;
  loop_unit& unit_;
  std::string room_name_;
  room_key key_;
  std::shared_ptr<room_cell> cell_;
  std::vector<dispatcher_actor> targets_; ///< scratch of `to_dispatchers`
  matchmaker_actor matchmaker_;           ///< of its pattern; null: it is not listed
  std::optional<room_core> core_;
  work_timer changes_{*this, room_work::tell_changes};
  work_timer seats_{*this, room_work::end_seats};
  work_timer requests_{*this, room_work::end_requests};
  work_timer pressure_{*this, room_work::tell_pressure};
  work_timer listing_{*this, room_work::keep_listing};
};

} // namespace troupe::actors
