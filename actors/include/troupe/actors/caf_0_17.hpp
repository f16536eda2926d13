// CAF 0.17.6 by the names that `caf_compat.hpp` gives to what differs between versions;
// empty with another one.
#pragma once

#include <caf/config.hpp>

#if CAF_MAJOR_VERSION < 1

#include <troupe/actors/tsan.hpp>

#include <caf/actor_storage.hpp>
#include <caf/all.hpp>
#include <caf/detail/sync_request_bouncer.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <utility>

namespace troupe::compat {

// -- contexts -------------------------------------------------------------------------------------

using context_base = caf::execution_unit;
using enqueue_result = void;

/// The execution unit that a pinned actor passes to the actors it sends to: those that are pinned
/// to no loop run on CAF's own threads.
class outside_context final : public context_base {
public:
  explicit outside_context(caf::actor_system& sys) : context_base(&sys) {}
  void exec_later(caf::resumable* job) final { system().scheduler().enqueue(job); }
};

/// The execution unit by which CAF schedules one pinned actor: it enqueues that actor on its loop.
template <class Actor>
class own_context final : public context_base {
public:
  explicit own_context(Actor& owner) noexcept : owner_(owner) {}
  void exec_later(caf::resumable*) final { owner_.queue_up(); }

private:
  Actor& owner_;
};

inline void set_scheduler(caf::actor_system_config& cfg, int threads) {
  cfg.set("scheduler.max-threads", threads);
  cfg.set("scheduler.policy", caf::atom("sharing"));
}

/// CAF 1.x needs to know the types of messages before an actor system is made; this one does not.
template <class... Blocks>
void register_messages() {}
template <class Block>
bool knows_messages() noexcept {
  return true;
}

/// An actor system whose actors run only when it is told so, on that thread; time-outs and delayed
/// messages follow `advance`. At its end it drops what has not run; only detached actors are waited
/// for.
class manual_system {
public:
  manual_system() : system_(configured()) { system_.await_actors_before_shutdown(false); }
  ~manual_system() { // its scheduler would run all that is left, whatever its time
    while (!scheduler().jobs.empty()) {
      caf::intrusive_ptr<caf::resumable> job{scheduler().jobs.front(), false};
      scheduler().jobs.pop_front();
    }
    scheduler().clock().cancel_all();
  }
  manual_system(const manual_system&) = delete;
  manual_system& operator=(const manual_system&) = delete;

  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }
  /// Lets one actor that has messages handle one. Returns false if there is none.
  bool run_job() { return scheduler().try_run_once(); }
  void advance(std::chrono::nanoseconds by) { scheduler().advance_time(by); }

private:
  caf::actor_system_config& configured() {
    config_.set("scheduler.policy", caf::atom("testing"));
    return config_;
  }
  [[nodiscard]] caf::scheduler::test_coordinator& scheduler() noexcept {
    return static_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  caf::actor_system_config config_;
  caf::actor_system system_;
};

/// Removes the logger that CAF's `spawn` leaves with the thread: each resume would set its actor
/// there twice, under a lock, for log lines that a quiet build of CAF does not have.
inline void drop_quiet_logger() {
#if CAF_LOG_LEVEL == CAF_LOG_LEVEL_QUIET
  caf::logger::set_current_actor_system(nullptr);
#endif
}

// -- typed interfaces: always result<R>(Args...) --------------------------------------------------

template <class... Ts>
using type_list = caf::detail::type_list<Ts...>;
template <class Sig>
struct to_mpi;
template <class... Out, class... In>
struct to_mpi<caf::result<Out...>(In...)> {
  using type = caf::typed_mpi<type_list<In...>, caf::output_tuple<Out...>>;
};
template <class... Sigs>
using typed_actor = caf::typed_actor<typename to_mpi<Sigs>::type...>;

// -- sending (`self`: an actor pointer or a scoped_actor) -----------------------------------------

template <class Self, class Dest, class... Ts>
void send(Self&& self, const Dest& dest, Ts&&... xs) {
  (*self).send(dest, std::forward<Ts>(xs)...);
}

template <class Dest, class... Ts>
void anon_send(const Dest& dest, Ts&&... xs) {
  caf::anon_send(dest, std::forward<Ts>(xs)...);
}

/// Chain .then(f, e), .await(f, e) or .receive(f, e) right away.
template <class Self, class Dest, class Timeout, class... Ts>
[[nodiscard]] auto request(Self&& self, const Dest& dest, Timeout timeout, Ts&&... xs) {
  return (*self).request(dest, timeout, std::forward<Ts>(xs)...);
}

inline caf::mailbox_element_ptr make_element(caf::strong_actor_ptr sender, caf::message what) {
  return caf::make_mailbox_element(std::move(sender), caf::make_message_id(), {}, std::move(what));
}

// -- sending as an actor of whatever interface ----------------------------------------------------

template <class Dest, class... Ts>
void check_message() {
  using args = type_list<caf::detail::strip_and_convert_t<Ts>...>;
  static_assert(caf::response_type_unbox<caf::signatures_of_t<Dest>, args>::valid,
                "receiver does not accept given message");
}

template <class Dest, class... Ts>
void send_from(caf::strong_actor_ptr sender, context_base* context, const Dest& dest, Ts&&... xs) {
  check_message<Dest, Ts...>();
  auto element = make_element(std::move(sender), caf::make_message(std::forward<Ts>(xs)...));
  caf::actor_cast<caf::abstract_actor*>(dest)->enqueue(std::move(element), context);
}

/// What awaits the answer of a `Dest` to a message of `Ts`: chain .then(f, e) right away.
template <class Dest, class... Ts>
using answer_of = caf::response_handle<
  caf::scheduled_actor,
  caf::response_type_t<typename Dest::signatures, caf::detail::strip_and_convert_t<Ts>...>, false>;
template <class Answer>
Answer await_answer(caf::scheduled_actor& self, caf::message_id answer) {
  return Answer{answer, &self};
}

// -- the life of a pinned actor -------------------------------------------------------------------

/// CAF's part of a pinned actor: how its messages run, and the steps in which it ends.
template <class Base>
class steps_of_caf : public Base {
public:
  using Base::Base;

  bool cleanup(caf::error&& reason, context_base* host) override {
    return begin_end(std::move(reason), host != nullptr);
  }

  /// Called on the thread that has released the last reference. Returns false if the actor has
  /// taken one again.
  [[nodiscard]] virtual bool may_be_destroyed() noexcept = 0;

#ifdef __SANITIZE_THREAD__
  /// CAF may have fetched the message after `resume` has begun.
  caf::invoke_message_result consume(caf::mailbox_element& what) override {
    acquire_annotation(this);
    return Base::consume(what);
  }
  using Base::consume;
#endif

protected:
  /// Ends it for `reason`; returns whether it had not ended before. With a loop it can send.
  virtual bool begin_end(caf::error&& reason, bool has_loop) = 0;

  caf::resumable::resume_result run_messages(context_base* context, std::size_t max_messages) {
    return Base::resume(context, max_messages);
  }

  /// What runs after a message that was handled without the mailbox.
  void end_if_finished() {
    if (!this->has_behavior())
      this->finalize();
  }

  /// From here on it takes no message, and who watches it is told at once.
  void note_end(caf::error&& reason) {
    this->exclusive_critical_section([&] {
      if (&this->fail_state_ != &reason)
        this->fail_state_ = std::move(reason);
      this->setf(caf::abstract_actor::is_terminated_flag);
    });
    this->mailbox_.close();
  }

  /// Drops the handlers of answers that have not come: it would not end before they do.
  void forget_answers() noexcept { this->multiplexed_responses_.clear(); }

  /// Answers the requests that it has not handled.
  void bounce_requests() {
    constexpr std::size_t many = 1000;
    this->get_normal_queue().flush_cache();
    this->get_urgent_queue().flush_cache();
    bouncer b{caf::detail::sync_request_bouncer{this->fail_state_}};
    while (!b.failure && this->mailbox_.queue().new_round(many, b).consumed_items > 0) {}
    if (b.failure)
      std::rethrow_exception(b.failure);
  }

  /// CAF's own clean-up, but for its last step: that cancels the actor's time-outs, which ours do
  /// not have, and so wakes the thread of CAF's clock for each connection that ends.
  void clean_up(context_base* context) {
    this->awaited_responses_.clear();
    this->multiplexed_responses_.clear();
    this->get_downstream_queue().cleanup();
    this->unregister_from_system();
    // NOLINTNEXTLINE(bugprone-parent-virtual-call): the steps between are those above
    caf::monitorable_actor::cleanup(std::move(this->fail_state_), context);
  }

  /// Lets CAF release the weak reference that all strong ones share, which it does next.
  void keep_behind_last_reference() noexcept { intrusive_ptr_add_weak_ref(this->ctrl()); }

private:
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
};

/// An actor that decides what happens once nobody refers to it any more.
template <class T>
concept ends_at_home = requires(T& actor) {
  { actor.may_be_destroyed() }
  noexcept->std::same_as<bool>;
};

} // namespace troupe::compat

/// CAF destroys an actor on the thread that releases its last reference. Such an actor is asked
/// first, and may take a reference again.
template <troupe::compat::ends_at_home T>
class caf::actor_storage<T> {
public:
  template <class... Us>
  actor_storage(actor_id id, node_id at, actor_system* system, Us&&... xs)
    : ctrl(id, at, system, destroy_actor, free_storage) {
    new (&data) T(std::forward<Us>(xs)...);
  }

  ~actor_storage() {
    static_assert(sizeof(actor_control_block) < CAF_CACHE_LINE_SIZE,
                  "CAF finds the actor one cache line behind its control block");
    constexpr abstract_actor* nobody = nullptr;
    static_assert(static_cast<T*>(nobody) == nullptr, "CAF's class has to be the first base");
  }

  actor_storage(const actor_storage&) = delete;
  actor_storage& operator=(const actor_storage&) = delete;

  actor_control_block ctrl;
  char pad[CAF_CACHE_LINE_SIZE - sizeof(actor_control_block)];
  union {
    T data;
  };

private:
  static void destroy_actor(abstract_actor* actor) {
    auto* self = static_cast<T*>(actor);
    if (!self->may_be_destroyed())
      return;
    self->on_destroy();
    self->~T();
  }

  static void free_storage(actor_control_block* block) {
    delete reinterpret_cast<actor_storage*>(block);
  }
};

#endif
