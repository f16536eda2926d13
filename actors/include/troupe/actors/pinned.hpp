// Actors that run on a loop of the application's instead of CAF's threads.
#pragma once

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/tenants.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <type_traits>
#include <unordered_map>
#include <utility>

#ifdef __SANITIZE_THREAD__
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#endif

namespace troupe::compat {

#if TROUPE_CAF_V1
using context_base = caf::scheduler;
using enqueue_result = bool;
#else
using context_base = caf::execution_unit;
using enqueue_result = void;
#endif

/// Base class for a loop that runs the actors pinned to it.
class loop_context : public context_base {
public:
#if TROUPE_CAF_V1
  explicit loop_context(caf::actor_system& sys) : system_(&sys) {}
  caf::actor_system& system() const { return *system_; }
  void schedule(caf::resumable* job) final { submit(job); }
  void delay(caf::resumable* job) final { submit(job); }
  void start() final {}
  void stop() final {}
#else
  explicit loop_context(caf::actor_system& sys) : caf::execution_unit(&sys) {}
  void exec_later(caf::resumable* job) final { submit(job); }
#endif

  /// Queues a job and takes over its reference. Called from any thread.
  virtual void submit(caf::resumable* job) = 0;

  /// A pinned actor was made (any thread), has ended (loop's thread), is about to run (loop's thread).
  virtual void actor_started(tenant& actor) noexcept = 0;
  virtual void actor_stopped(tenant& actor) noexcept = 0;
  virtual void running(const char* name) noexcept = 0;

  /// Whether the calling code runs on the loop's thread, in a turn of it. Any thread.
  virtual bool is_current() const noexcept = 0;

  /// Whether an actor of this name may run inside what runs now: returns the name of that, for `leave`, or null if as many have as may.
  /// Loop's thread.
  virtual const char* enter(const char* name) = 0;
  virtual void leave(const char* before) = 0;

  /// Runs a job; call only in the loop's thread.
  void run_job(caf::resumable* job, size_t max_messages) {
    switch (job->resume(this, max_messages)) {
      case caf::resumable::resume_later:
        submit(job);
        break;
      case caf::resumable::shutdown_execution_unit:
        break;
      default:
        intrusive_ptr_release(job);
    }
  }

#if TROUPE_CAF_V1
private:
  caf::actor_system* system_;
#endif
};

/// Tells TSan what CAF's uninstrumented mailbox does: who resumes an actor sees what was written before the enqueue.
inline void release_annotation([[maybe_unused]] void* what) noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_release(what);
#endif
}
inline void acquire_annotation([[maybe_unused]] void* what) noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(what);
#endif
}

/// Runs an actor class in its loop only, whoever sends to it.
///
/// The derived class destroys its state in `release_state`, which runs on the loop's thread when the actor ends for whatever reason:
/// the destructor may run on any thread and must find nothing left.
template <class Base>
class pinned : public Base, public tenant {
public:
  template <class... Ts>
  pinned(caf::actor_config& cfg, loop_context& home, Ts&&... xs)
    : Base(cfg, std::forward<Ts>(xs)...), home_(&home) {
    home.actor_started(*this);
    silence();
  }

  using Base::enqueue;

  enqueue_result enqueue(caf::mailbox_element_ptr ptr, context_base*) override {
    release_annotation(this);
    return Base::enqueue(std::move(ptr), home_);
  }

  caf::resumable::resume_result resume(context_base* context, size_t max_messages) override {
    acquire_annotation(this);
    home_->running(this->name());
    return Base::resume(context, max_messages);
  }

  void on_exit() final {
    release_state();
#if !TROUPE_CAF_V1
    watched_.clear();
#endif
    home_->actor_stopped(*this);
  }

  const char* tenant_name() const override { return this->name(); }

  void ask_to_leave() override {
    caf::anon_send_exit(caf::actor_cast<caf::actor>(caf::strong_actor_ptr{this->ctrl()}), caf::exit_reason::user_shutdown);
  }

  loop_context& home() const { return *home_; }

  /// Calls `fun(const caf::error&)` in this actor once `whom` terminated; at normal priority, so after all that `whom` has sent.
  template <class Handle, class F>
  void watch(const Handle& whom, F fun) {
#if TROUPE_CAF_V1
    watched_.insert_or_assign(whom.id(), this->monitor(whom, std::move(fun)));
#else
    watched_.insert_or_assign(whom.id(), std::move(fun));
    this->template monitor<caf::message_priority::normal>(whom);
#endif
  }

  template <class Handle>
  void unwatch(const Handle& whom) {
    auto i = watched_.find(whom.id());
    if (i == watched_.end())
      return;
#if TROUPE_CAF_V1
    i->second.dispose();
#else
    this->demonitor(caf::actor_cast<caf::actor_addr>(whom));
#endif
    watched_.erase(i);
  }

protected:
  virtual void release_state() = 0;

private:
  /// CAF 0.17's defaults print message contents to the terminal.
  void silence() {
    this->set_exception_handler([](std::exception_ptr&) -> caf::error { return caf::sec::runtime_error; });
#if !TROUPE_CAF_V1
    this->set_default_handler(caf::drop);
    this->set_down_handler([this](caf::down_msg& dm) {
      auto node = watched_.extract(dm.source.id());
      if (node)
        node.mapped()(dm.reason);
    });
    this->set_error_handler([](caf::error&) {});
#endif
  }

  loop_context* home_;
#if TROUPE_CAF_V1
  std::unordered_map<caf::actor_id, caf::disposable> watched_;
#else
  std::unordered_map<caf::actor_id, std::function<void(const caf::error&)>> watched_;
#endif
};

/// What handles messages of type `T` without a mailbox.
template <class T>
class handles {
protected:
  ~handles() = default;
  virtual void handle(T& message) = 0;
};

/// A pinned actor that may be entered past its mailbox, and takes messages of the types `Ts` so.
template <class Base, class... Ts>
class dispatched : public pinned<Base>, public handles<Ts>... {
public:
  using pinned<Base>::pinned;
  using handles<Ts>::handle...;

  /// Handles `message` before it returns if this actor is on the calling thread's loop and idle; else enqueues it. Either way it comes
  /// after all that was sent to this actor before: an idle one has an empty mailbox. What `handle` throws ends this actor, as if it
  /// came from its mailbox, and not the caller. Anonymous; any thread.
  template <class T>
  void dispatch(T& message) {
    if (!enter([&] { this->handle(message); }))
      compat::anon_send(caf::actor_cast<typename Base::actor_hdl>(this), std::move(message));
  }

  /// Runs `work` in this actor, inside what handles its exceptions, if it is idle on the calling thread's loop; else returns false and
  /// runs nothing. Any thread.
  template <class F>
  bool enter([[maybe_unused]] F&& work) {
#if !TROUPE_CAF_V1
    if (this->home().is_current() && !in_dispatch_ && this->mailbox().blocked())
      if (auto* before = this->home().enter(this->name())) {
        run_now(std::forward<F>(work), before);
        return true;
      }
#endif
    return false;
  }

#if !TROUPE_CAF_V1
private:
  /// While it lasts this actor is not entered again, and lives.
  struct dispatch_scope {
    explicit dispatch_scope(dispatched& d) : self(d.ctrl()), owner(d) { owner.in_dispatch_ = true; }
    dispatch_scope(const dispatch_scope&) = delete;
    dispatch_scope& operator=(const dispatch_scope&) = delete;
    ~dispatch_scope() { owner.in_dispatch_ = false; }
    caf::strong_actor_ptr self;
    dispatched& owner;
  };

  template <class F>
  void run_now(F&& work, const char* before) {
    dispatch_scope scope{*this};
    try {
      work();
    } catch (...) {
      end_by(std::current_exception());
    }
    if (!this->has_behavior())
      this->finalize();
    this->home().leave(before);
  }

  /// As CAF does with what a behaviour throws.
  void end_by(std::exception_ptr thrown) {
    try {
      this->quit(this->call_handler(this->exception_handler_, this, thrown));
    } catch (...) { // its handler has failed, too
      this->quit(caf::sec::runtime_error);
    }
  }

  bool in_dispatch_ = false; ///< loop's thread
#endif
};

/// The class that all actors with the interface `Handle` derive from, for `dispatch` of a `T` to them. Whoever declares an interface
/// whose actors are dispatched several types specializes it.
template <class Handle, class T>
struct dispatched_base {
  using type = dispatched<typename Handle::base, T>;
};

/// Asio's `dispatch` beside its `post`: like `anon_send`, but an idle actor of this loop handles the message at once.
/// Precondition: `dest` is not null, and all actors of its interface are `dispatched_base<Dest, T>::type`s. Any thread.
template <class Dest, class T>
  requires(!std::is_reference_v<T>)
void dispatch(const Dest& dest, T&& message) {
  using base = typename dispatched_base<Dest, T>::type;
  static_cast<base*>(caf::actor_cast<caf::abstract_actor*>(dest))->dispatch(message);
}

/// Makes an actor that is pinned to `loop`, which outlives it. Returns its handle. Any thread.
template <class T, class... Ts>
auto spawn_on(loop_context& loop, Ts&&... xs) {
  caf::actor_config cfg{&loop};
  auto handle = loop.system().spawn_impl<T, caf::no_spawn_options>(cfg, loop, std::forward<Ts>(xs)...);
  drop_quiet_logger();
  return handle;
}

} // namespace troupe::compat
