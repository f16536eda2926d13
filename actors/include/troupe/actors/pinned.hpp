// Actors that run on an event loop instead of CAF's threads.
#pragma once

#include <troupe/actors/caf_monitor.hpp>
#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/loop_context.hpp>
#include <troupe/actors/loop_job.hpp>
#include <troupe/actors/pinned_storage.hpp>
#include <troupe/actors/tenants.hpp>
#include <troupe/actors/tsan.hpp>

#if !TROUPE_CAF_V1
#include <caf/detail/sync_request_bouncer.hpp>
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

namespace troupe::compat {

/// The execution unit by which CAF schedules one pinned actor: it enqueues that actor on its loop.
template <class Actor>
class own_unit final : public context_base {
public:
  explicit own_unit(Actor& owner) noexcept : owner_(owner) {}
#if TROUPE_CAF_V1
  void schedule(caf::resumable*) final { owner_.queue_up(); }
  void delay(caf::resumable*) final { owner_.queue_up(); }
  void start() final {}
  void stop() final {}
#else
  void exec_later(caf::resumable*) final { owner_.queue_up(); }
#endif

private:
  Actor& owner_;
};

/// Runs an actor class on its loop only, whoever sends to it.
///
/// An actor ends in steps on the loop's thread, whatever the reason: it sends what it owes others
/// (`say_farewell`), destroys its state (`release_state`; the destructor may run on any thread and
/// must find nothing left), tells its watchers, and bounces the requests that it has not handled.
/// If memory is short, the remaining steps follow in later turns; none is lost. An exception that
/// CAF lets out of an actor ends it in the same way, and so does the loss of its last reference, on
/// whichever thread.
template <class Base>
class pinned : public Base, public loop_job, public tenant {
public:
  template <class... Ts>
  pinned(caf::actor_config& cfg, loop_context& home, Ts&&... xs)
    : Base(cfg, std::forward<Ts>(xs)...), home_(&home) {
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
    own_unit<pinned> unit{*this};
    struct annotation { // the last reference may go as soon as the caller has released its own
      ~annotation() { release_annotation(what); }
      void* what;
    } at_end{this};
    return Base::enqueue(std::move(ptr), &unit);
  }

  void launch(context_base*, bool lazy, bool hide) override {
    own_unit<pinned> unit{*this};
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
    auto result = resume(home_, max_messages);
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

#if !TROUPE_CAF_V1
  /// Called on the thread that has released the last reference. Unless the actor or its loop has
  /// ended, it takes a reference again and ends on its loop.
  [[nodiscard]] bool may_be_destroyed() noexcept {
    acquire_annotation(this);
    if (step_ == step::ended || is_dropped_)
      return true;
    if (step_ == step::alive) {
      is_unreachable_ = true;
      step_ = step::crashed;
    }
    // CAF then releases the weak reference that all strong ones share
    intrusive_ptr_add_weak_ref(this->ctrl());
    come_back();
    return false;
  }
#endif

  void on_exit() final {}

#if TROUPE_CAF_V1
  bool cleanup(caf::error&& reason, context_base* host) override {
    step_ = step::farewell;
    (void)finish();
    return Base::cleanup(std::move(reason), host);
  }
#else
  bool cleanup(caf::error&& reason, context_base* host) override {
    if (step_ > step::crashed)
      return false;
    step_ = step::farewell;
    this->exclusive_critical_section([&] {
      if (&this->fail_state_ != &reason)
        this->fail_state_ = std::move(reason);
      // who watches it from here on is told at once
      this->setf(caf::abstract_actor::is_terminated_flag);
    });
    this->mailbox_.close();
    if (!host) // its loop has dropped it: it cannot send any more
      step_ = step::release;
    if (!is_resumed_ && !finish() && host)
      come_back();
    return true;
  }
#endif

#if defined(__SANITIZE_THREAD__) && !TROUPE_CAF_V1
  /// CAF may have fetched the message after `resume` has begun.
  caf::invoke_message_result consume(caf::mailbox_element& what) override {
    acquire_annotation(this);
    return Base::consume(what);
  }
  using Base::consume;
#endif

  loop_context& home() const { return *home_; }

  /// Calls `fun(const caf::error&)` in this actor once `whom` terminated; at normal priority, so
  /// after all that `whom` has sent.
  template <class Handle, class F>
  void watch(const Handle& whom, F fun) {
#if TROUPE_CAF_V1
    watched().insert_or_assign(whom.id(), this->monitor(whom, std::move(fun)));
#else
    auto i = watched().insert_or_assign(whom.id(), std::move(fun)).first;
    try {
      auto* actor = caf::actor_cast<caf::abstract_actor*>(whom);
      actor->attach(caf::attachable_ptr{new caf_monitor{actor->address(), this->address()}});
    } catch (...) {
      watched_->erase(i);
      throw;
    }
#endif
  }

  template <class Handle>
  void unwatch(const Handle& whom) {
    if (!watched_)
      return;
    auto i = watched_->find(whom.id());
    if (i == watched_->end())
      return;
#if TROUPE_CAF_V1
    i->second.dispose();
#else
    this->demonitor(caf::actor_cast<caf::actor_addr>(whom));
#endif
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

#if TROUPE_CAF_V1
  using watched_actors = std::unordered_map<caf::actor_id, caf::disposable>;
#else
  using watched_actors = std::unordered_map<caf::actor_id, std::function<void(const caf::error&)>>;
#endif

  watched_actors& watched() {
    if (!watched_)
      watched_ = std::make_unique<watched_actors>();
    return *watched_;
  }

  /// CAF lets some exceptions out, which would leave an actor that neither runs nor ends.
  caf::resumable::resume_result resume_alive(context_base* context, size_t max_messages) noexcept {
    try {
      return Base::resume(context, max_messages);
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
      case step::release: release_state(); watched_.reset();
#if !TROUPE_CAF_V1
        this->bhvr_stack_.cleanup();
#endif
        step_ = step::watchers;
        return;
      case step::watchers:
        tell_watchers();
        step_ = step::requests;
        return;
      case step::requests:
        bounce_requests();
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
    this->cleanup(std::move(why), home_);
  }

#if TROUPE_CAF_V1
  void tell_watchers() {}
  void bounce_requests() {}
  void end_for_caf() {}
#else
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
        first->actor_exited(this->fail_state_, home_);
      } catch (...) {
        this->exclusive_critical_section([&] { this->attach_impl(first); });
        throw;
      }
    }
  }

  /// Bounces requests until that fails, and skips the rest: the mailbox keeps them.
  struct bouncer {
    caf::detail::sync_request_bouncer bounce;
    std::exception_ptr failure = nullptr;

    template <class... Ts>
    caf::intrusive::task_result operator()(const Ts&... xs) {
      if (failure)
        return caf::intrusive::task_result::skip;
      try {
        bounce(xs...);
      } catch (...) {
        failure = std::current_exception();
        return caf::intrusive::task_result::skip;
      }
      return caf::intrusive::task_result::resume;
    }
  };

  void bounce_requests() {
    constexpr std::size_t many = 1000;
    this->get_normal_queue().flush_cache();
    this->get_urgent_queue().flush_cache();
    bouncer b{caf::detail::sync_request_bouncer{this->fail_state_}};
    while (!b.failure && this->mailbox_.queue().new_round(many, b).consumed_items > 0) {}
    if (b.failure)
      std::rethrow_exception(b.failure);
  }

  /// CAF's own clean-up has nothing left to send but to its clock, which knows none of our actors.
  void end_for_caf() noexcept {
    try {
      Base::cleanup(std::move(this->fail_state_), home_);
    } catch (...) {
      home_->report(this->name());
    }
  }
#endif

  /// CAF 0.17's defaults print message contents to the terminal.
  void silence() {
    this->set_exception_handler(
      [](std::exception_ptr&) -> caf::error { return caf::sec::runtime_error; });
#if !TROUPE_CAF_V1
    this->set_default_handler(caf::drop);
    this->set_down_handler([this](caf::down_msg& dm) {
      if (!watched_)
        return;
      if (auto node = watched_->extract(dm.source.id()))
        node.mapped()(dm.reason);
    });
    this->set_error_handler([](caf::error&){});
#endif
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
  caf::actor_config cfg{&loop};
  auto handle =
    loop.system().spawn_impl<T, caf::no_spawn_options>(cfg, loop, std::forward<Ts>(xs)...);
  drop_quiet_logger();
  return handle;
}

} // namespace troupe::compat
