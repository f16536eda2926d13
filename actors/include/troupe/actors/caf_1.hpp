// CAF 1.x by the names that `caf_compat.hpp` gives to what differs between versions; empty
// with another one.
#pragma once

#include <caf/config.hpp>

#if CAF_MAJOR_VERSION >= 1

#include <troupe/actors/tsan.hpp>

#include <caf/actor_clock.hpp>
#include <caf/all.hpp>
#include <caf/detail/actor_system_access.hpp>
#include <caf/detail/send_type_check.hpp>
#include <caf/detail/sync_request_bouncer.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/intrusive/stack.hpp>
#include <caf/scheduler.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <utility>

namespace troupe::compat {

// -- contexts -------------------------------------------------------------------------------------

using context_base = caf::scheduler;
using enqueue_result = bool;

/// The scheduler that a pinned actor passes to the actors it sends to: those that are pinned to no
/// loop run on CAF's own threads.
class outside_context final : public context_base {
public:
  explicit outside_context(caf::actor_system& sys) noexcept : system_(sys) {}
  [[nodiscard]] caf::actor_system& system() const noexcept { return system_; }
  void schedule(caf::resumable* job) final { system_.scheduler().schedule(job); }
  void delay(caf::resumable* job) final { system_.scheduler().schedule(job); }
  void start() final {}
  void stop() final {}

private:
  caf::actor_system& system_;
};

/// The scheduler by which CAF schedules one pinned actor: it enqueues that actor on its loop.
template <class Actor>
class own_context final : public context_base {
public:
  explicit own_context(Actor& owner) noexcept : owner_(owner) {}
  void schedule(caf::resumable*) final { owner_.queue_up(); }
  void delay(caf::resumable*) final { owner_.queue_up(); }
  void start() final {}
  void stop() final {}

private:
  Actor& owner_;
};

inline void set_scheduler(caf::actor_system_config& cfg, int threads) {
  cfg.set("caf.scheduler.max-threads", threads);
  cfg.set("caf.scheduler.policy", "sharing");
}

/// Tells CAF of the message types of these blocks, and of its own. Call it once, before any actor
/// system is made.
template <class... Blocks>
void register_messages() {
  caf::core::init_global_meta_objects();
  (caf::init_global_meta_objects<Blocks>(), ...);
}
template <class Block>
bool knows_messages() noexcept {
  return caf::detail::global_meta_object_or_null(Block::begin) != nullptr;
}

/// An actor system whose actors run only when it is told so, on that thread; time-outs and delayed
/// messages follow `advance`. At its end it drops what has not run; only detached actors are waited
/// for.
class manual_system {
public:
  manual_system() : system_(std::make_unique<driven>(config_, *this)) {
    system_->await_actors_before_shutdown(false);
  }
  manual_system(const manual_system&) = delete;
  manual_system& operator=(const manual_system&) = delete;

  [[nodiscard]] caf::actor_system& system() noexcept { return *system_; }
  /// Lets one actor that has messages handle one. Returns false if there is none.
  bool run_job() { return jobs_->run_one(); }
  void advance(std::chrono::nanoseconds by) { clock_->advance(by); }

private:
  class job_list final : public caf::scheduler {
  public:
    ~job_list() override { stop(); }
    void schedule(caf::resumable* job) final { jobs_.emplace_back(job, false); }
    void delay(caf::resumable* job) final { schedule(job); }
    void start() final {}
    void stop() final { // what is released may schedule
      while (!jobs_.empty()) {
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
      }
    }
    bool run_one() {
      if (jobs_.empty())
        return false;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      if (job->resume(this, 1) == caf::resumable::resume_later)
        jobs_.push_back(std::move(job));
      return true;
    }

  private:
    std::deque<caf::intrusive_ptr<caf::resumable>> jobs_;
  };

  class driven_clock final : public caf::actor_clock {
  public:
    [[nodiscard]] time_point now() const noexcept final { return now_; }
    using caf::actor_clock::schedule;
    caf::disposable schedule(time_point at, caf::action what) final {
      return due_.emplace(at, std::move(what))->second.as_disposable();
    }
    void advance(std::chrono::nanoseconds by) {
      now_ += by;
      while (!due_.empty() && due_.begin()->first <= now_)
        due_.extract(due_.begin()).mapped().run();
    }

  private:
    time_point now_{std::chrono::hours{1}};
    std::multimap<time_point, caf::action> due_;
  };

  struct driven final : caf::actor_system {
    driven(caf::actor_system_config& config, manual_system& owner)
      : caf::actor_system(config, set_up, &owner) {}
    static void set_up(caf::actor_system& system, caf::actor_system_config&, void* owner) {
      auto jobs = std::make_unique<job_list>();
      auto clock = std::make_unique<driven_clock>();
      static_cast<manual_system*>(owner)->jobs_ = jobs.get();
      static_cast<manual_system*>(owner)->clock_ = clock.get();
      caf::detail::actor_system_access access{system};
      access.scheduler(std::move(jobs));
      access.clock(std::move(clock));
    }
  };

  caf::actor_system_config config_;
  job_list* jobs_ = nullptr;      ///< of the system
  driven_clock* clock_ = nullptr; ///< likewise
  std::unique_ptr<driven> system_;
};

/// CAF 0.17 leaves a logger with the thread.
inline void drop_quiet_logger() noexcept {}

// -- typed interfaces: always result<R>(Args...) --------------------------------------------------

template <class... Ts>
using type_list = caf::type_list<Ts...>;
/// With one signature CAF has two handles, which it cannot assign to each other.
template <class... Sigs>
struct handle_of {
  using type = caf::typed_actor<Sigs...>;
};
template <class Sig>
struct handle_of<Sig> {
  using type = caf::typed_actor<caf::statically_typed<Sig>>;
};
template <class... Sigs>
using typed_actor = typename handle_of<Sigs...>::type;

// -- sending (`self`: an actor pointer or a scoped_actor) -----------------------------------------

/// Takes the arguments once nothing can fail any more: whoever fails to send may try again. (CAF's
/// `mail` takes them first.)
template <class Dest, class... Ts>
void send_from(caf::strong_actor_ptr sender, context_base* context, const Dest& dest, Ts&&... xs) {
  caf::detail::send_type_check<caf::none_t, Dest, Ts...>();
  auto element =
    caf::make_mailbox_element(std::move(sender), caf::make_message_id(), caf::message{});
  element->payload = caf::make_message(std::forward<Ts>(xs)...);
  if (auto* receiver = caf::actor_cast<caf::abstract_actor*>(dest))
    receiver->enqueue(std::move(element), context);
}

template <class Self, class Dest, class... Ts>
void send(Self&& self, const Dest& dest, Ts&&... xs) {
  send_from((*self).ctrl(), (*self).context(), dest, std::forward<Ts>(xs)...);
}

template <class Dest, class... Ts>
void anon_send(const Dest& dest, Ts&&... xs) {
  send_from(nullptr, nullptr, dest, std::forward<Ts>(xs)...);
}

/// Chain .then(f, e), .await(f, e) or .receive(f, e) right away.
template <class Self, class Dest, class Timeout, class... Ts>
[[nodiscard]] auto request(Self&& self, const Dest& dest, Timeout timeout, Ts&&... xs) {
  return (*self).mail(std::forward<Ts>(xs)...).request(dest, timeout);
}

inline caf::mailbox_element_ptr make_element(caf::strong_actor_ptr sender, caf::message what) {
  return caf::make_mailbox_element(std::move(sender), caf::make_message_id(), std::move(what));
}

// -- sending as an actor of whatever interface (with `send_from`) ---------------------------------

template <class Dest, class... Ts>
void check_message() {
  caf::detail::send_type_check<caf::none_t, Dest, Ts...>();
}

/// What awaits the answer of a `Dest` to a message of `Ts`: chain .then(f, e) right away.
template <class Dest, class... Ts>
using answer_of = caf::detail::event_based_response_handle_t<
  caf::response_type_t<typename Dest::signatures, caf::detail::strip_and_convert_t<Ts>...>>;
template <class Answer>
Answer await_answer(caf::scheduled_actor& self, caf::message_id answer) {
  return Answer{&self, answer, caf::disposable{}};
}

// -- the life of a pinned actor -------------------------------------------------------------------

/// CAF's part of a pinned actor: how its messages run, and the steps in which it ends.
///
/// CAF's own end of an actor tells its watchers before anything else, and cannot be entered again
/// if it fails. So its messages do not run in CAF's `resume`, which would end it so.
template <class Base>
class steps_of_caf : public Base {
public:
  using Base::Base;

  void on_unreachable() final {
    if (may_be_destroyed())
      begin_end(caf::error{caf::exit_reason::unreachable}, false);
  }

  /// Called on the thread that has released the last reference. Returns false if the actor has
  /// taken one again.
  [[nodiscard]] virtual bool may_be_destroyed() noexcept = 0;

protected:
  /// Ends it for `reason`; returns whether it had not ended before. With a loop it can send.
  virtual bool begin_end(caf::error&& reason, bool has_loop) = 0;

  caf::resumable::resume_result run_messages(context_base* context, std::size_t max_messages) {
    this->context(context);
    if (!this->getf(caf::abstract_actor::is_initialized_flag))
      run_or_quit([&] { this->initialize(); });
    for (std::size_t handled = 0; !end_if_finished();) {
      auto next = handled < max_messages ? this->mailbox().pop_front() : nullptr;
      if (next)
        handled += run_message(std::move(next));
      else if (this->mailbox().try_block())
        return caf::resumable::awaiting_message;
      else if (handled >= max_messages)
        return caf::resumable::resume_later;
    }
    return caf::resumable::done;
  }

  /// What runs after a message, however it was handled. Returns whether the actor has ended.
  bool end_if_finished() {
    this->bhvr_stack_.cleanup();
    run_or_quit([this] { this->run_actions(); });
    if (this->alive())
      return false;
    begin_end(std::move(this->fail_state_), true);
    return true;
  }

  /// From here on who watches it is told at once.
  void note_end(caf::error&& reason) {
    this->exclusive_critical_section([&] {
      if (&this->fail_state_ != &reason)
        this->fail_state_ = std::move(reason);
      this->setf(caf::abstract_actor::is_terminated_flag);
    });
  }

  /// Drops the handlers of answers that have not come: it would not end before they do.
  void forget_answers() noexcept { this->multiplexed_responses_.clear(); }

  /// Answers the requests that it has not handled, and takes no message any more. If it throws, it
  /// goes on where it has stopped: CAF's own way to close a mailbox could not.
  void bounce_requests() {
    if (this->mailbox().closed())
      return;
    take_back_skipped();
    this->mailbox().try_unblock();
    caf::detail::sync_request_bouncer bounce;
    while (auto next = this->mailbox().pop_front()) {
      try {
        bounce(*next);
      } catch (...) {
        this->mailbox().push_front(std::move(next));
        throw;
      }
    }
    this->mailbox().close(this->fail_state_);
  }

  /// CAF's own clean-up. It has nothing left to send.
  void clean_up(context_base*) {
    this->unregister_from_system();
    Base::on_cleanup(this->fail_state_);
  }

  void keep_behind_last_reference() noexcept {}

private:
  /// Returns 1 if the message counts as handled.
  std::size_t run_message(caf::mailbox_element_ptr what) {
    acquire_annotation(this);
    auto result = caf::invoke_message_result::consumed;
    run_or_quit([&] { result = this->consume(*what); });
    this->current_mailbox_element(nullptr);
    if (result == caf::invoke_message_result::skipped)
      skipped_.push(what.release());
    if (result != caf::invoke_message_result::consumed)
      return 0;
    take_back_skipped();
    return 1;
  }

  void take_back_skipped() {
    while (auto* skipped = skipped_.pop())
      this->mailbox().push_front(caf::mailbox_element_ptr{skipped});
  }

  /// Ends it as CAF does for an exception out of a behaviour.
  template <class F>
  void run_or_quit(F&& work) {
    try {
      work();
    } catch (...) {
      auto thrown = std::current_exception();
      auto why = this->call_handler(this->exception_handler_, this, thrown);
      if (this->current_mailbox_element())
        this->make_response_promise().deliver(why);
      this->quit(std::move(why));
    }
  }

  caf::intrusive::stack<caf::mailbox_element> skipped_; ///< while it awaits an answer
};

} // namespace troupe::compat

#endif
