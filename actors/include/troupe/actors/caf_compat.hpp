// One spelling for CAF 0.17.6 (Debian 12) and CAF 1.x (tested with 1.1.0).
// Select on CAF_MAJOR_VERSION (0.17.6: 0, 1.x: 1), never on CAF_VERSION, which
// CAF 1.0 and 1.1 define as an octal literal (1.1.0: 0100).
#pragma once

#include <troupe/actors/option_check.hpp>

#include <caf/all.hpp>

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

#if CAF_MAJOR_VERSION >= 1
#define TROUPE_CAF_V1 1
#include <caf/scheduler.hpp>
#else
#define TROUPE_CAF_V1 0
#endif

namespace troupe::compat {

// -- worker threads -----------------------------------------------------------

/// Gives CAF `n` threads of its own, for actors that are on no loop, and the policy "sharing",
/// under which they wait for work: by default they poll for it some 100 times a second, which costs
/// an idle server. Call it before the actor system is made. Throws `std::invalid_argument` for less
/// than one.
inline void set_worker_threads(caf::actor_system_config& cfg, int n) {
  actors::option_check{"set_worker_threads"}.within("n", n, 1, 1024);
#if TROUPE_CAF_V1
  cfg.set("caf.scheduler.max-threads", n);
  cfg.set("caf.scheduler.policy", "sharing");
#else
  cfg.set("scheduler.max-threads", n);
  cfg.set("scheduler.policy", caf::atom("sharing"));
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

/// Sends one shared message to each handle in `dests`; if it throws, for want of memory, nobody
/// gets it.
template <class Self, class Range, class... Ts>
void fan_out(Self&& self, const Range& dests, Ts&&... xs) {
  using handle = std::decay_t<decltype(*std::begin(dests))>;
  using args = type_list<caf::detail::strip_and_convert_t<Ts>...>;
  static_assert(caf::response_type_unbox<typename handle::signatures, args>::valid,
                "receiver does not accept given message");
// TSan does not see CAF count the references of a message that several threads share
#ifdef __SANITIZE_THREAD__
  auto copy = [&] { return caf::make_message(xs...); };
#else
  auto copy = [msg = caf::make_message(std::forward<Ts>(xs)...)] { return msg; };
#endif
  constexpr std::size_t usual = 16;
  boost::container::small_vector<caf::mailbox_element_ptr, usual> elements;
  elements.reserve(std::size(dests));
  while (elements.size() < std::size(dests)) {
    auto mid = caf::make_message_id();
#if TROUPE_CAF_V1
    elements.push_back(caf::make_mailbox_element((*self).ctrl(), mid, copy()));
#else
    elements.push_back(caf::make_mailbox_element((*self).ctrl(), mid, {}, copy()));
#endif
  }
  auto element = elements.begin();
  for (auto& dest : dests)
    caf::actor_cast<caf::abstract_actor*>(dest)->enqueue(std::move(*element++), (*self).context());
}

// -- logging ------------------------------------------------------------------

/// Removes the logger that CAF's `spawn` leaves with the thread: each resume would set its actor
/// there twice, under a lock, for log lines that a quiet build of CAF does not have.
inline void drop_quiet_logger() {
#if !TROUPE_CAF_V1 && CAF_LOG_LEVEL == CAF_LOG_LEVEL_QUIET
  caf::logger::set_current_actor_system(nullptr);
#endif
}

} // namespace troupe::compat
