// Behaviours of rooms that speak CAF.
#pragma once

#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_port.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace troupe::actors {

/// The answer to a message that a room handles, to be given in a later hook: return it from the
/// message's handler. Copies share one answer. If the room ends before, or if all copies go, the
/// asker hears an error (`request_receiver_down`, `runtime_error`). Thread: the room's loop; the
/// last copy may go on any.
template <class... Ts>
class room_promise {
public:
  explicit room_promise(std::shared_ptr<owed_reply> reply) : reply_(std::move(reply)) {}

  /// Answers; does nothing if it has been answered, or if nobody waits for it.
  void deliver(Ts... xs) const { reply_->give(caf::make_message(std::move(xs)...)); }
  /// Answers with an error.
  void refuse(caf::error why) const { reply_->give(caf::make_message(std::move(why))); }
  /// Whether nobody has answered yet: neither this, nor the end of the room.
  [[nodiscard]] bool is_awaited() const noexcept { return reply_->is_open(); }

private:
  std::shared_ptr<owed_reply> reply_;
};

namespace detail {

template <class R>
struct result_of {
  using type = caf::result<R>;
  static type of(R&& x) { return type(std::move(x)); }
};
template <class... Ts>
struct result_of<caf::result<Ts...>> {
  using type = caf::result<Ts...>;
  static type of(type&& x) { return std::move(x); }
};
template <class... Ts>
struct result_of<room_promise<Ts...>> {
  using type = std::conditional_t<sizeof...(Ts) == 0, caf::result<void>, caf::result<Ts...>>;
  using later = std::conditional_t<sizeof...(Ts) == 0, caf::delegated<void>, caf::delegated<Ts...>>;
  static type of(const room_promise<Ts...>&) { return later{}; }
};
template <>
struct result_of<void> {
  using type = caf::result<void>;
};

/// Null until the room lives.
using port_cell = std::shared_ptr<room_port*>;

/// A message's handler, run as a hook. It has the same parameters, so that CAF checks it against
/// the interface.
template <class F, class Signature = decltype(&F::operator())>
class hooked;
template <class F, class C, class R, class... As>
class hooked<F, R (C::*)(As...) const> {
public:
  using result = result_of<R>;

  hooked(port_cell port, F f) : port_(std::move(port)), f_(std::move(f)) {}

  typename result::type operator()(As... as) const {
    auto& port = **port_;
    std::optional<typename result::type> answer;
    auto call = [&] {
      if constexpr (std::is_void_v<R>)
        f_(as...), answer.emplace();
      else
        answer.emplace(result::of(f_(as...)));
    };
    port.note_message();
    auto fate = port.run("the handler of an actor's message", std::ref(call));
    if (fate == hook_fate::done)
      return std::move(*answer);
    return caf::make_error(fate == hook_fate::failed ? caf::sec::runtime_error
                                                     : caf::sec::request_receiver_down);
  }

private:
  port_cell port_;
  F f_;
};
template <class F, class C, class R, class... As>
class hooked<F, R (C::*)(As...)> {
  static_assert(!std::is_same_v<F, F>,
                "a handler is not mutable: what a room keeps is in its behaviour");
};

/// A function with the parameters of an answer's handler, for CAF's check.
template <class Signature>
struct parameters_of;
template <class C, class R, class... As>
struct parameters_of<R (C::*)(As...) const> {
  static_assert(std::is_void_v<R>, "the handler of an answer returns nothing");
  template <class G>
  static std::function<void(As...)> function_from(G g) {
    return [g = std::move(g)](As... as) { g(as...); };
  }
};
template <class C, class R, class... As>
struct parameters_of<R (C::*)(As...)> : parameters_of<R (C::*)(As...) const> {};

} // namespace detail

/// A question that a room has asked another actor. `then` says what happens with the answer; if
/// this is dropped, nothing does.
template <class Answer>
class [[nodiscard]] actor_question {
public:
  /// Made by `typed_room::ask`.
  actor_question(room_port& port, caf::message_id answer, std::chrono::nanoseconds limit)
    : port_(port), answer_(answer), limit_(limit) {}

  /// One of the two runs once, as a hook of its own: `f` with the values of the answer, or `failed`
  /// with a `const caf::error&`: `caf::sec::request_timeout` after the limit (in steps of 10 ms),
  /// `request_receiver_down`, what the other actor has answered. Neither runs once the room ends.
  /// `f`: a lambda without `auto` parameters; what they are is checked when it is compiled.
  template <class F, std::invocable<const caf::error&> E>
  void then(F f, E failed) && {
    struct handlers {
      F f;
      E failed;
    };
    auto kept = std::make_shared<handlers>(handlers{std::move(f), std::move(failed)});
    auto run = [port = &port_, id = answer_,
                weak = std::weak_ptr<handlers>{kept}](const auto& call) {
      auto here = weak.lock();
      if (!here)
        return; // the room ends
      port->forget(id);
      auto with_handlers = [&] {
        auto own = std::move(here); // what they hold may use the room a last time
        call(*own);
      };
      port->run("the handler of an actor's answer", std::ref(with_handlers));
    };
    auto on_answer = [run](auto&... xs) { run([&](handlers& h) { h.f(xs...); }); };
    auto on_error = [run](const caf::error& why) { run([&](handlers& h) { h.failed(why); }); };
    using parameters = detail::parameters_of<decltype(&F::operator())>;
    compat::await_answer<Answer>(port_.actor(), answer_)
      .then(parameters::function_from(std::move(on_answer)), std::move(on_error));
    port_.keep(answer_, limit_, std::move(kept));
  }

private:
  room_port& port_;
  caf::message_id answer_;
  std::chrono::nanoseconds limit_;
};

/// A behaviour whose room is also an actor of type `Interface`, a `compat::typed_actor`. What it
/// handles, sends and hears back is checked when it is compiled:
///
///     using arena_actor = troupe::compat::typed_actor<caf::result<int>(meteor_atom, int)>;
///
///     class arena final : public troupe::typed_room<arena_actor> {
///       handlers actor_handlers() override {
///         return {[this](meteor_atom, int n) {
///           room().broadcast("meteors", {{"n", n}});
///           return meteors_ += n;
///         }};
///       }
///       int meteors_ = 0;
///     };
///
/// Handlers run as hooks, like all of a behaviour: on the room's loop, one at a time, and what they
/// throw ends this room alone (the asker hears `caf::sec::runtime_error`). Output of a handler is
/// charged to the room. Other actors find a room by `find_room`; their messages wait in the room's
/// mailbox, which is CAF's and has no bound: `node_stats::room_messages` counts them.
///
/// The calls below throw `std::logic_error` unless a hook of this room runs on the calling thread,
/// and `std::invalid_argument` for an actor that is null.
template <class Interface>
class typed_room : public room_behavior, public room_part {
public:
  using actor_type = Interface;

protected:
  /// The handlers of all messages of `Interface`: for each a lambda with the message's parameters,
  /// that returns the answer, a `caf::result`, or a `promise`.
  class handlers {
  public:
    template <class... Fs>
    handlers(Fs... fs) : handlers(std::make_shared<room_port*>(nullptr), 0, std::move(fs)...) {}

  private:
    friend class typed_room;
    template <class... Fs>
    handlers(detail::port_cell port, int, Fs... fs)
      : port_(port), typed_(detail::hooked<Fs>{port, std::move(fs)}...) {}

    detail::port_cell port_;
    typename Interface::behavior_type typed_;
  };
  /// Called once, before `on_create`.
  [[nodiscard]] virtual handlers actor_handlers() = 0;

  /// What the room may do now.
  [[nodiscard]] room_context& room() const { return *port("room").context(); }

  /// This room as an actor, for others.
  [[nodiscard]] Interface self() const {
    return caf::actor_cast<Interface>(caf::strong_actor_ptr{port("self").actor().ctrl()});
  }

  /// Sends a message to an actor, wherever that runs.
  template <class Handle, class... Ts>
  void tell(const Handle& dest, Ts&&... xs) const {
    auto& actor = port("tell", &dest).actor();
    compat::send_from(actor.ctrl(), actor.context(), dest, std::forward<Ts>(xs)...);
  }

  /// Asks an actor, wherever that runs; chain `then` (see `actor_question`). `limit` is from 1 ms
  /// to 24 h, else throws `std::invalid_argument`, and follows the loop's clock. Bound: while
  /// `room_limits::max_requests` answers are awaited, nobody is asked, and `failed` hears
  /// `caf::sec::runtime_error`.
  template <class Handle, class... Ts>
  auto ask(const Handle& dest, std::chrono::nanoseconds limit, Ts&&... xs) const {
    using namespace std::chrono_literals;
    auto& p = port("ask", &dest);
    if (limit < 1ms || limit > 24h)
      throw std::invalid_argument{"typed_room::ask: its limit is expected to be 1 ms to 24 h"};
    using question = actor_question<compat::answer_of<Handle, Ts...>>;
    if (p.may_ask())
      return question{p, compat::send_request(p.actor(), dest, std::forward<Ts>(xs)...), limit};
    auto id = p.actor().new_request_id(caf::message_priority::normal).response_id();
    compat::give_up_answer(
      p.actor(), id, caf::make_error(caf::sec::runtime_error, "too many answers are awaited"));
    return question{p, id, limit};
  }

  /// The answer to the message that is being handled, to be given in a later hook.
  template <class... Ts>
  [[nodiscard]] room_promise<Ts...> promise() const {
    return room_promise<Ts...>{port("promise").owe()};
  }

  /// `f(const caf::error&)` runs as a hook once `whom` has ended, at once if it has already. A
  /// later `f` for the same actor takes the place of this one.
  template <class Handle, std::invocable<const caf::error&> F>
  void watch(const Handle& whom, F f) const {
    auto& p = port("watch", &whom);
    p.watch(caf::actor_cast<caf::actor>(whom), [&p, f = std::move(f)](const caf::error& why) {
      auto call = [&] { f(why); };
      p.run("the watcher of an actor", std::ref(call));
    });
  }

private:
  caf::behavior attach(room_port& port) final {
    port_ = &port;
    auto all = actor_handlers();
    *all.port_ = &port;
    return std::move(all.typed_.unbox());
  }
  const std::type_info& interface_type() const noexcept final { return typeid(Interface); }

  [[nodiscard]] room_port& port(const char* call) const {
    if (port_ && port_->context())
      return *port_;
    throw std::logic_error{"typed_room::" + std::string{call}
                           + ": only while a hook of this room runs (the first is on_create)"};
  }
  template <class Handle>
  [[nodiscard]] room_port& port(const char* call, const Handle* other) const {
    if (!*other)
      throw std::invalid_argument{"typed_room::" + std::string{call} + ": the actor is null"};
    return port(call);
  }

  room_port* port_ = nullptr; ///< null until the room lives
};

} // namespace troupe::actors
