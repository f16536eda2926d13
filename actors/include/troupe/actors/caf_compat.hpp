// One spelling for CAF 0.17.6 (Debian 12) and CAF 1.x (tested with 1.1.0).
// Select on CAF_MAJOR_VERSION (0.17.6: 0, 1.x: 1), never on CAF_VERSION, which
// CAF 1.0 and 1.1 define as an octal literal (1.1.0: 0100).
#pragma once

#include <caf/all.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <iterator>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>

#ifdef __SANITIZE_THREAD__
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#endif

#if CAF_MAJOR_VERSION >= 1
#  define TROUPE_CAF_V1 1
#  include <caf/scheduler.hpp>
#else
#  define TROUPE_CAF_V1 0
#endif

namespace troupe::compat {

// -- type IDs, meta objects, worker threads -----------------------------------

/// Call once, before the first actor_system_config.
template <class IdBlock>
void init_types() {
#if TROUPE_CAF_V1
  caf::init_global_meta_objects<IdBlock>();
  caf::core::init_global_meta_objects();
#endif
}

/// Gives CAF `n` threads of its own, for actors that are on no loop, and the policy "sharing", under which they wait for work: by
/// default they look for it some 100 times a second, which a server with little to do pays for. Before the actor system is made.
inline void set_worker_threads(caf::actor_system_config& cfg, int n) {
#if TROUPE_CAF_V1
  cfg.set("caf.scheduler.max-threads", n);
  cfg.set("caf.scheduler.policy", "sharing");
#else
  cfg.set("scheduler.max-threads", n);
  cfg.set("scheduler.policy", caf::atom("sharing"));
#endif
}

/// A named member for `inspect`: inspect_as(f, x, "point", field("x", x.x)).
template <class T>
struct named_ref {
  const char* name;
  T& ref;
};

template <class T>
named_ref<T> field(const char* name, T& ref) {
  return {name, ref};
}

template <class Inspector, class T, class... Ts>
auto inspect_as(Inspector& f, [[maybe_unused]] T& x,
                [[maybe_unused]] const char* type_name, named_ref<Ts>... xs) {
#if TROUPE_CAF_V1
  return f.object(x).fields(f.field(xs.name, xs.ref)...);
#else
  return f(caf::meta::type_name(type_name), xs.ref...);
#endif
}

// -- typed interfaces: always result<R>(Args...) ------------------------------

#if TROUPE_CAF_V1
template <class... Sigs>
using typed_actor = caf::typed_actor<Sigs...>;
template <class... Ts>
using type_list = caf::type_list<Ts...>;
#else
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
#endif

// -- sending (`self`: an actor pointer or a scoped_actor) ---------------------

template <class Self, class Dest, class... Ts>
void send(Self&& self, const Dest& dest, Ts&&... xs) {
#if TROUPE_CAF_V1
  (*self).mail(std::forward<Ts>(xs)...).send(dest);
#else
  (*self).send(dest, std::forward<Ts>(xs)...);
#endif
}

template <class Self, class Dest, class Rep, class Period, class... Ts>
void delayed_send(Self&& self, const Dest& dest,
                  std::chrono::duration<Rep, Period> delay, Ts&&... xs) {
#if TROUPE_CAF_V1
  (*self).mail(std::forward<Ts>(xs)...).delay(delay).send(dest);
#else
  (*self).delayed_send(dest, delay, std::forward<Ts>(xs)...);
#endif
}

template <class Dest, class... Ts>
void anon_send(const Dest& dest, Ts&&... xs) {
#if TROUPE_CAF_V1
  caf::anon_mail(std::forward<Ts>(xs)...).send(dest);
#else
  caf::anon_send(dest, std::forward<Ts>(xs)...);
#endif
}

/// Chain .then(f, e), .await(f, e) or .receive(f, e) right away.
template <class Self, class Dest, class Timeout, class... Ts>
[[nodiscard]] auto request(Self&& self, const Dest& dest, Timeout timeout, Ts&&... xs) {
#if TROUPE_CAF_V1
  return (*self).mail(std::forward<Ts>(xs)...).request(dest, timeout);
#else
  return (*self).request(dest, timeout, std::forward<Ts>(xs)...);
#endif
}

template <class Self, class Dest, class... Ts>
auto delegate(Self&& self, const Dest& dest, Ts&&... xs) {
#if TROUPE_CAF_V1
  return (*self).mail(std::forward<Ts>(xs)...).delegate(dest);
#else
  return (*self).delegate(dest, std::forward<Ts>(xs)...);
#endif
}

/// Sends one shared message to each handle in `dests`.
template <class Self, class Range, class... Ts>
void fan_out(Self&& self, const Range& dests, Ts&&... xs) {
  using handle = std::decay_t<decltype(*std::begin(dests))>;
  using args = type_list<caf::detail::strip_and_convert_t<Ts>...>;
  static_assert(caf::response_type_unbox<typename handle::signatures, args>::valid,
                "receiver does not accept given message");
  auto msg = caf::make_message(std::forward<Ts>(xs)...);
  for (auto& dest : dests) {
    auto mid = caf::make_message_id();
#if TROUPE_CAF_V1
    auto ptr = caf::make_mailbox_element((*self).ctrl(), mid, msg);
#else
    auto ptr = caf::make_mailbox_element((*self).ctrl(), mid, {}, msg);
#endif
    caf::actor_cast<caf::abstract_actor*>(dest)->enqueue(std::move(ptr), (*self).context());
  }
}

// -- errors -------------------------------------------------------------------

#if TROUPE_CAF_V1
template <class Enum>
struct enum_access : caf::inspector_access_base<Enum> {
  template <class Inspector>
  static bool apply(Inspector& f, Enum& x) {
    using rep = std::underlying_type_t<Enum>;
    auto get = [&x] { return static_cast<rep>(x); };
    auto set = [&x](rep value) { x = static_cast<Enum>(value); };
    return f.apply(get, set);
  }
};
#endif

/// At global scope, after the type ID block, which must list TYPE (an enum on
/// uint8_t with to_string). CATEGORY: at most 10 letters or digits.
#if TROUPE_CAF_V1
#  define TROUPE_ERROR_ENUM(TYPE, CATEGORY)                                          \
    CAF_ERROR_CODE_ENUM(TYPE)                                                            \
    template <>                                                                          \
    struct caf::inspector_access<TYPE> : troupe::compat::enum_access<TYPE> {};
#else
#  define TROUPE_ERROR_ENUM(TYPE, CATEGORY) CAF_ERROR_CODE_ENUM(TYPE, CATEGORY)
#endif

/// Makes `render` show errors of this enum by name in 0.17, too.
template <class Enum>
void add_error_renderer([[maybe_unused]] caf::actor_system_config& cfg) {
#if !TROUPE_CAF_V1
  cfg.add_error_category(caf::detail::error_factory<Enum>::category,
                         [](uint8_t x, caf::atom_value, const caf::message& ctx) {
                           auto str = to_string(static_cast<Enum>(x));
                           return ctx.empty() ? str : str + to_string(ctx);
                         });
#endif
}

inline std::string render([[maybe_unused]] caf::actor_system& sys, const caf::error& err) {
#if TROUPE_CAF_V1
  return to_string(err);
#else
  return sys.render(err);
#endif
}

/// Takes from the thread the logger that CAF's `spawn` leaves with it: each resume would note its actor there twice, under a lock, for
/// log lines that a quiet build of CAF does not have.
inline void drop_quiet_logger() {
#if !TROUPE_CAF_V1 && CAF_LOG_LEVEL == CAF_LOG_LEVEL_QUIET
  caf::logger::set_current_actor_system(nullptr);
#endif
}

// -- loops that run actors ----------------------------------------------------

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
  virtual void actor_started() noexcept = 0;
  virtual void actor_stopped() noexcept = 0;
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
class pinned : public Base {
public:
  template <class... Ts>
  pinned(caf::actor_config& cfg, loop_context& home, Ts&&... xs)
    : Base(cfg, std::forward<Ts>(xs)...), home_(&home) {
    home.actor_started();
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
    home_->actor_stopped();
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

/// A pinned actor that takes messages of type `T` from `dispatch`, without its mailbox where it can.
template <class Base, class T>
class dispatched : public pinned<Base> {
public:
  using pinned<Base>::pinned;

  /// Handles `message` before it returns if this actor is on the calling thread's loop and waits for one; else queues it. Either way it
  /// comes after all that was sent to this actor before: one that waits has an empty mailbox. What `handle` throws ends this actor, as if
  /// it came from its mailbox, and not the caller. Anonymous; any thread.
  void dispatch(T& message) {
#if !TROUPE_CAF_V1
    if (this->home().is_current() && !in_dispatch_ && this->mailbox().blocked())
      if (auto* before = this->home().enter(this->name()))
        return handle_now(message, before);
#endif
    compat::anon_send(caf::actor_cast<typename Base::actor_hdl>(this), std::move(message));
  }

protected:
  virtual void handle(T& message) = 0;

private:
#if !TROUPE_CAF_V1
  /// While it lasts this actor is not entered again, and lives.
  struct dispatch_scope {
    explicit dispatch_scope(dispatched& d) : self(d.ctrl()), owner(d) { owner.in_dispatch_ = true; }
    dispatch_scope(const dispatch_scope&) = delete;
    dispatch_scope& operator=(const dispatch_scope&) = delete;
    ~dispatch_scope() { owner.in_dispatch_ = false; }
    caf::strong_actor_ptr self;
    dispatched& owner;
  };

  void handle_now(T& message, const char* before) {
    dispatch_scope scope{*this};
    try {
      handle(message);
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
#endif

  bool in_dispatch_ = false; ///< loop's thread
};

/// Precondition: `dest` is not null; all actors of this interface are `dispatched<..., T>`.
template <class T, class Dest>
dispatched<typename Dest::base, T>* dispatched_ptr(const Dest& dest) noexcept {
  return static_cast<dispatched<typename Dest::base, T>*>(caf::actor_cast<caf::abstract_actor*>(dest));
}

/// Asio's `dispatch` beside its `post`: like `anon_send`, but an actor of this loop that waits handles the message at once.
template <class Dest, class T>
  requires(!std::is_reference_v<T>)
void dispatch(const Dest& dest, T&& message) {
  dispatched_ptr<T>(dest)->dispatch(message);
}

template <class T, class... Ts>
auto spawn_on(loop_context& loop, Ts&&... xs) {
  caf::actor_config cfg{&loop};
  auto handle = loop.system().spawn_impl<T, caf::no_spawn_options>(cfg, loop, std::forward<Ts>(xs)...);
  drop_quiet_logger();
  return handle;
}

} // namespace troupe::compat
