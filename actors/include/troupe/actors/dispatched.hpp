// Actors that a message enters past their mailbox.
#pragma once

#include <troupe/actors/pinned.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace troupe::compat {

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

  /// Hands `message` to this actor, behind all that was sent to it before:
  /// - if it is idle, on the calling thread's loop, it handles `message` before this returns;
  /// - if it has been entered, and nothing waits for it, it handles `message` next, before who
  ///   entered it goes on: so comes an answer to a question that it is asking still;
  /// - else `message` is enqueued.
  /// What `handle` throws ends this actor, as if it came from its mailbox, and not the caller.
  /// Anonymous; any thread.
  template <class T>
  void dispatch(T& message) {
    if (!enter([&] { this->handle(message); }) && !wait_inside(message))
      compat::anon_send(caf::actor_cast<typename Base::actor_hdl>(this), std::move(message));
  }

  /// Runs `work` in this actor, inside what handles its exceptions, if it is idle on the calling
  /// thread's loop; else returns false and runs nothing. Any thread.
  template <class F>
  bool enter([[maybe_unused]] F&& work) {
#if !TROUPE_CAF_V1
    if (this->home().is_current() && !entered_ && this->is_alive() && this->mailbox().blocked())
      if (auto* before = this->home().enter(this->name())) {
        run_now(std::forward<F>(work), before);
        return true;
      }
#endif
    return false;
  }

private:
#if TROUPE_CAF_V1
  template <class T>
  bool wait_inside(T&) {
    return false;
  }
#else
  /// While it lasts this actor is not entered again, and lives.
  struct dispatch_scope {
    explicit dispatch_scope(dispatched& d) : self(d.ctrl()), owner(d) { owner.entered_ = this; }
    dispatch_scope(const dispatch_scope&) = delete;
    dispatch_scope& operator=(const dispatch_scope&) = delete;
    ~dispatch_scope() {
      owner.entered_ = nullptr;
      release_annotation(static_cast<pinned<Base>*>(&owner));
    }
    caf::strong_actor_ptr self;
    dispatched& owner;
    std::optional<std::variant<Ts...>> next; ///< comes before all that is in the mailbox
  };

  /// Whether `message` has found its place behind the one that is being handled.
  template <class T>
  bool wait_inside(T& message) {
    if (!this->home().is_current() || !entered_ || entered_->next || !this->mailbox().blocked()
        || !this->home().may_dispatch())
      return false;
    entered_->next.emplace(std::move(message));
    return true;
  }

  template <class F>
  void run_now(F&& work, const char* before) noexcept {
    dispatch_scope scope{*this};
    run_guarded(work);
    while (scope.next && this->is_alive() && this->has_behavior()) {
      auto message = std::move(*scope.next);
      scope.next.reset();
      run_guarded([&] { std::visit([this](auto& m) { this->handle(m); }, message); });
    }
    if (!this->has_behavior())
      this->finalize();
    this->home().leave(before);
  }

  template <class F>
  void run_guarded(F&& work) noexcept {
    try {
      work();
    } catch (...) {
      end_by(std::current_exception());
    }
  }

  /// As CAF does with what a behaviour throws.
  void end_by(std::exception_ptr thrown) {
    try {
      this->quit(this->call_handler(this->exception_handler_, this, thrown));
    } catch (...) { // its handler has failed, too
      this->crash();
    }
  }

  dispatch_scope* entered_ = nullptr; ///< loop's thread
#endif
};

/// The class that all actors with the interface `Handle` derive from, for `dispatch` of a `T` to
/// them. Whoever declares an interface whose actors are dispatched several types specializes it.
template <class Handle, class T>
struct dispatched_base {
  using type = dispatched<typename Handle::base, T>;
};

/// Asio's `dispatch` beside its `post`: like `anon_send`, but an idle actor of this loop handles
/// the message at once, and one that has been entered behind what it handles. Precondition: `dest`
/// is not null, and all actors of its interface are `dispatched_base<Dest, T>::type`s. Any thread.
template <class Dest, class T>
requires(!std::is_reference_v<T>) void dispatch(const Dest& dest, T&& message) {
  using base = typename dispatched_base<Dest, T>::type;
  static_cast<base*>(caf::actor_cast<caf::abstract_actor*>(dest))->dispatch(message);
}

} // namespace troupe::compat
