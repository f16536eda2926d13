// Actors that can handle a message inline, without their mailbox.
#pragma once

#include <troupe/actors/pinned.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace troupe::compat {

/// Handles messages of type `T` without a mailbox.
template <class T>
class handles {
protected:
  ~handles() = default;
  virtual void handle(T& message) = 0;
};

/// A pinned actor that can handle messages of the types `Ts` inline, without its mailbox.
template <class Base, class... Ts>
class dispatched : public pinned<Base>, public handles<Ts>... {
public:
  using pinned<Base>::pinned;
  using handles<Ts>::handle...;

  /// Hands `message` to this actor, behind all that was sent to it before:
  /// - if it is idle and pinned to the calling thread's loop, it handles `message` inline;
  /// - if it is already running inline and nothing waits for it, it handles `message` next, before
  ///   its caller goes on: so it gets the answer to a question that it is still asking;
  /// - else `message` is enqueued.
  /// An exception out of `handle` ends this actor, not the caller, as for a message from its
  /// mailbox. The message has no sender. Thread: any.
  template <class T>
  void dispatch(T& message) {
    if (!enter([&] { this->handle(message); }) && !wait_inside(message))
      compat::anon_send(caf::actor_cast<typename Base::actor_hdl>(this), std::move(message));
  }

  /// Runs `work` inline as this actor, under its exception handler, if it is idle and pinned to the
  /// calling thread's loop; else returns false and runs nothing. Thread: any.
  template <class F>
  bool enter(F&& work) {
    if (this->home().is_current() && !entered_ && this->is_alive() && this->mailbox().blocked())
      if (auto* before = this->home().enter(this->name())) {
        run_now(std::forward<F>(work), before);
        return true;
      }
    return false;
  }

private:
  /// While it exists, the actor lives and is not entered again.
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
    std::optional<std::variant<Ts...>> next; ///< handled before all that is in the mailbox
  };

  /// Stores `message` to be handled right after the current one; returns whether it could.
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
    this->end_if_finished();
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

  /// Ends it as CAF does for an exception out of a behaviour.
  void end_by(std::exception_ptr thrown) {
    try {
      this->quit(this->call_handler(this->exception_handler_, this, thrown));
    } catch (...) { // its handler has failed, too
      this->crash();
    }
  }

  dispatch_scope* entered_ = nullptr; ///< loop's thread
};

/// The common base class of all actors with the interface `Handle`, for `dispatch` of a `T` to
/// them. Specialize it for an interface whose actors are dispatched messages of several types.
template <class Handle, class T>
struct dispatched_base {
  using type = dispatched<typename Handle::base, T>;
};

/// Like `anon_send`, but an idle actor of this loop handles the message inline, and one that is
/// running inline handles it next (compare Asio's `dispatch` and `post`). Precondition: `dest` is
/// not null, and all actors of its interface are `dispatched_base<Dest, T>::type`s. Thread: any.
template <class Dest, class T>
requires(!std::is_reference_v<T>) void dispatch(const Dest& dest, T&& message) {
  using base = typename dispatched_base<Dest, T>::type;
  static_cast<base*>(caf::actor_cast<caf::abstract_actor*>(dest))->dispatch(message);
}

} // namespace troupe::compat
