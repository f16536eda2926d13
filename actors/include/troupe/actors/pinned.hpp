// Actors that run on an event loop instead of CAF's threads.
#pragma once

#include <troupe/actors/caf_monitor.hpp>
#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/loop_context.hpp>
#include <troupe/actors/loop_job.hpp>
#include <troupe/actors/tenants.hpp>
#include <troupe/actors/tsan.hpp>

#include <caf/default_attachable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

namespace troupe::compat {

/// Runs an actor class on its loop only, whoever sends to it.
///
/// An actor ends in steps on the loop's thread, whatever the reason: it sends what it owes others
/// (`say_farewell`), destroys its state (`release_state`; the destructor may run on any thread and
/// must find nothing left), tells its watchers, and bounces the requests that it has not handled.
/// If memory is short, the remaining steps follow in later turns; none is lost. An exception that
/// CAF lets out of an actor ends it in the same way, and so does the loss of its last reference, on
/// whichever thread.
template <class Base>
class pinned : public steps_of_caf<Base>, public loop_job, public tenant {
public:
  template <class... Ts>
  pinned(caf::actor_config& cfg, loop_context& home, Ts&&... xs)
    : steps_of_caf<Base>(cfg, std::forward<Ts>(xs)...), home_(&home) {
    home.actor_started(*this);
    silence();
  }

  ~pinned() override {
    acquire_annotation(this);
    if (step_ != step::ended) // its construction has failed
      home_->actor_stopped(*this);
  }

  using Base::enqueue;

  enqueue_result enqueue(caf::mailbox_element_ptr ptr, context_base*) override {
    release_annotation(this);
    own_context<pinned> unit{*this};
    struct annotation { // the last reference may go as soon as the caller has released its own
      ~annotation() { release_annotation(what); }
      void* what;
    } at_end{this};
    return Base::enqueue(std::move(ptr), &unit);
  }

  void launch(context_base*, bool lazy, bool hide) override {
    own_context<pinned> unit{*this};
    Base::launch(&unit, lazy, hide);
  }

  caf::resumable::resume_result resume(context_base* context, size_t max_messages) override {
    acquire_annotation(this);
    home_->running(this->name());
    if (step_ == step::alive) {
      is_resumed_ = true;
      auto result = resume_alive(context, max_messages);
      is_resumed_ = false;
      if (step_ == step::alive)
        return result;
    }
    return finish() ? caf::resumable::done : caf::resumable::resume_later;
  }

  const char* tenant_name() const override { return this->name(); }

  void ask_to_leave() override {
    caf::anon_send_exit(caf::actor_cast<caf::actor>(caf::strong_actor_ptr{this->ctrl()}),
                        caf::exit_reason::user_shutdown);
  }

  /// Enqueues it on its loop; takes over a reference. Any thread.
  void queue_up() noexcept {
    if (!is_queued_.exchange(true, std::memory_order_acq_rel))
      home_->submit(*this);
    else
      intrusive_ptr_release(this->ctrl());
  }

  void run(size_t max_messages) final {
    is_queued_.store(false, std::memory_order_release);
    auto result = resume(home_->as_context(), max_messages);
    release_annotation(this);
    switch (result) {
      case caf::resumable::resume_later: queue_up(); break;
      case caf::resumable::shutdown_execution_unit: break;
      default: intrusive_ptr_release(this->ctrl());
    }
  }

  /// Ends it as if it had crashed, for want of memory for an exit message. Loop's thread.
  void kill() noexcept {
    if (step_ != step::alive)
      return;
    step_ = step::crashed;
    if (!is_resumed_)
      come_back();
  }

  void drop() noexcept final {
    is_dropped_ = true;
    intrusive_ptr_release(this->ctrl());
  }

  /// Called on the thread that has released the last reference. Unless the actor or its loop has
  /// ended, it takes a reference again and ends on its loop.
  [[nodiscard]] bool may_be_destroyed() noexcept final {
    acquire_annotation(this);
    if (step_ == step::ended || is_dropped_)
      return true;
    if (step_ == step::alive) {
      is_unreachable_ = true;
      step_ = step::crashed;
    }
    this->keep_behind_last_reference();
    come_back();
    return false;
  }

  void on_exit() final {}

  loop_context& home() const { return *home_; }

  /// Calls `fun(const caf::error&)` in this actor once `whom` terminated; at normal priority, so
  /// after all that `whom` has sent.
  template <class Handle, class F>
  void watch(const Handle& whom, F fun) {
    auto i = watched().insert_or_assign(whom.id(), std::move(fun)).first;
    try {
      auto* actor = caf::actor_cast<caf::abstract_actor*>(whom);
      actor->attach(caf::attachable_ptr{new caf_monitor{actor->address(), this->address()}});
    } catch (...) {
      watched_->erase(i);
      throw;
    }
  }

  template <class Handle>
  void unwatch(const Handle& whom) {
    if (!watched_)
      return;
    auto i = watched_->find(whom.id());
    if (i == watched_->end())
      return;
    caf::default_attachable::observe_token token{this->address(), caf::default_attachable::monitor};
    caf::actor_cast<caf::abstract_actor*>(whom)->detach(token);
    watched_->erase(i);
  }

protected:
  /// Sends what it owes others when it ends. If it throws, it is called again in a later turn and
  /// must go on where it has stopped.
  virtual void say_farewell() {}
  virtual void release_state() = 0;

  [[nodiscard]] bool is_alive() const noexcept { return step_ == step::alive; }

  /// Ends it for the exception in flight, which CAF has not handled. Loop's thread.
  void crash() noexcept {
    home_->report(this->name());
    kill();
  }

private:
  bool begin_end(caf::error&& reason, bool has_loop) final {
    if (step_ > step::crashed)
      return false;
    step_ = step::farewell;
    this->note_end(std::move(reason));
    if (!has_loop) // its loop has dropped it: it cannot send any more
      step_ = step::release;
    if (!is_resumed_ && !finish() && has_loop)
      come_back();
    return true;
  }

  /// How far its end has come.
  enum class step : std::uint8_t {
    alive,
    crashed,
    farewell,
    release,
    watchers,
    requests,
    last,
    ended
  };

  using watched_actors = std::unordered_map<caf::actor_id, std::function<void(const caf::error&)>>;

  watched_actors& watched() {
    if (!watched_)
      watched_ = std::make_unique<watched_actors>();
    return *watched_;
  }

  /// CAF lets some exceptions out, which would leave an actor that neither runs nor ends.
  caf::resumable::resume_result resume_alive(context_base* context, size_t max_messages) noexcept {
    try {
      return this->run_messages(context, max_messages);
    } catch (...) {
      crash();
    }
    return caf::resumable::done;
  }

  void come_back() noexcept {
    intrusive_ptr_add_ref(this->ctrl());
    queue_up();
  }

  /// Ends it as far as memory allows; returns whether that was all.
  bool finish() noexcept {
    try {
      while (step_ != step::ended)
        take_step();
      return true;
    } catch (...) {
      home_->report(this->name());
      return false;
    }
  }

  void take_step() {
    switch (step_) {
      case step::crashed: end_as_crashed(); return;
      case step::farewell:
        say_farewell();
        step_ = step::release;
        return;
      case step::release:
        release_state();
        watched_.reset();
        this->bhvr_stack_.cleanup();
        step_ = step::watchers;
        return;
      case step::watchers:
        tell_watchers();
        step_ = step::requests;
        return;
      case step::requests:
        this->bounce_requests();
        step_ = step::last;
        return;
      case step::last:
        end_for_caf();
        step_ = step::ended;
        home_->actor_stopped(*this);
        return;
      default: return;
    }
  }

  void end_as_crashed() {
    caf::error why; // an allocation
    if (is_unreachable_)
      why = caf::exit_reason::unreachable;
    else
      why = caf::sec::runtime_error;
    this->quit(caf::error{});
    begin_end(std::move(why), true);
  }

  void tell_watchers() {
    caf::attachable_ptr first;
    auto take_next = [&] {
      first = nullptr;
      this->exclusive_critical_section([&] {
        first = std::move(this->attachables_head_);
        if (first)
          this->attachables_head_ = std::move(first->next);
      });
      return first != nullptr;
    };
    while (take_next()) {
      try {
        first->actor_exited(this->fail_state_, home_->as_context());
      } catch (...) {
        this->exclusive_critical_section([&] { this->attach_impl(first); });
        throw;
      }
    }
  }

  void end_for_caf() noexcept {
    try {
      this->clean_up(home_->as_context());
    } catch (...) {
      home_->report(this->name());
    }
  }

  /// CAF's defaults print message contents to the terminal.
  void silence() {
    this->set_exception_handler(
      [](std::exception_ptr&) -> caf::error { return caf::sec::runtime_error; });
    this->default_handler_ = caf::drop;
    this->down_handler_ = [this](caf::scheduled_actor*, caf::down_msg& dm) {
      if (!watched_)
        return;
      if (auto node = watched_->extract(dm.source.id()))
        node.mapped()(dm.reason);
    };
    this->error_handler_ = [](caf::scheduled_actor*, caf::error&) {};
  }

  loop_context* home_;
  std::atomic<bool> is_queued_{false};
  bool is_resumed_ = false;                 ///< loop's thread
  bool is_dropped_ = false;                 ///< likewise, or that which destroys the loop
  bool is_unreachable_ = false;             ///< that of the last reference, then the loop's
  step step_ = step::alive;                 ///< loop's thread
  std::unique_ptr<watched_actors> watched_; ///< most watch nobody
};

/// Ends an actor of this loop as if it had crashed, without memory for a message. Precondition:
/// `dest` is not null, and all actors of its interface are pinned. Loop's thread.
template <class Dest>
void kill(const Dest& dest) noexcept {
  static_cast<pinned<typename Dest::base>*>(caf::actor_cast<caf::abstract_actor*>(dest))->kill();
}

/// Makes an actor that is pinned to `loop`, which outlives it. Returns its handle. Any thread.
template <class T, class... Ts>
auto spawn_on(loop_context& loop, Ts&&... xs) {
  caf::actor_config cfg{loop.as_context()};
  auto handle =
    loop.system().spawn_impl<T, caf::no_spawn_options>(cfg, loop, std::forward<Ts>(xs)...);
  drop_quiet_logger();
  return handle;
}

} // namespace troupe::compat
