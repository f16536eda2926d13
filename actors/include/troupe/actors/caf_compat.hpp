// One spelling for CAF 0.17.6 (Debian 12) and CAF 1.x (tested with 1.1.0).
// Select on CAF_MAJOR_VERSION (0.17.6: 0, 1.x: 1), never on CAF_VERSION, which
// CAF 1.0 and 1.1 define as an octal literal (1.1.0: 0100).
#pragma once

#include <troupe/actors/option_check.hpp>

#include <caf/all.hpp>

#include <boost/container/small_vector.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

#if CAF_MAJOR_VERSION >= 1
#define TROUPE_CAF_V1 1
#include <caf/scheduler.hpp>
#else
#define TROUPE_CAF_V1 0
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

/// Gives CAF `n` threads of its own, for actors that are on no loop, and the policy "sharing",
/// under which they wait for work: by default they look for it some 100 times a second, which a
/// server with little to do pays for. Before the actor system is made. Throws
/// `std::invalid_argument` for less than one.
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
auto inspect_as(Inspector& f, [[maybe_unused]] T& x, [[maybe_unused]] const char* type_name,
                named_ref<Ts>... xs) {
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
void delayed_send(Self&& self, const Dest& dest, std::chrono::duration<Rep, Period> delay,
                  Ts&&... xs) {
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

/// Sends one shared message to each handle in `dests`; where it throws, for want of memory, nobody
/// gets it.
template <class Self, class Range, class... Ts>
void fan_out(Self&& self, const Range& dests, Ts&&... xs) {
  using handle = std::decay_t<decltype(*std::begin(dests))>;
  using args = type_list<caf::detail::strip_and_convert_t<Ts>...>;
  static_assert(caf::response_type_unbox<typename handle::signatures, args>::valid,
                "receiver does not accept given message");
// it does not see CAF count the references of a message that several threads share
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
#define TROUPE_ERROR_ENUM(TYPE, CATEGORY) \
  CAF_ERROR_CODE_ENUM(TYPE)               \
  template <>                             \
  struct caf::inspector_access<TYPE> : troupe::compat::enum_access<TYPE> {};
#else
#define TROUPE_ERROR_ENUM(TYPE, CATEGORY) CAF_ERROR_CODE_ENUM(TYPE, CATEGORY)
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

/// Takes from the thread the logger that CAF's `spawn` leaves with it: each resume would note its
/// actor there twice, under a lock, for log lines that a quiet build of CAF does not have.
inline void drop_quiet_logger() {
#if !TROUPE_CAF_V1 && CAF_LOG_LEVEL == CAF_LOG_LEVEL_QUIET
  caf::logger::set_current_actor_system(nullptr);
#endif
}

} // namespace troupe::compat
