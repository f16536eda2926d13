// One spelling for CAF 0.17.6 (Debian 12) and CAF 1.x (tested with 1.1.0). What differs has the
// same names in `caf_0_17.hpp` and in `caf_1.hpp`, of which one is empty; nothing else asks which
// it is.
#pragma once

#include <troupe/actors/caf_0_17.hpp>
#include <troupe/actors/caf_1.hpp>
#include <troupe/actors/option_check.hpp>

#include <caf/all.hpp>

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

namespace troupe::compat {

/// Gives CAF `n` threads of its own, for actors that are on no loop, and the policy "sharing",
/// under which they wait for work: by default they poll for it some 100 times a second, which costs
/// an idle server. Call it before the actor system is made. Throws `std::invalid_argument` for less
/// than one.
inline void set_worker_threads(caf::actor_system_config& cfg, int n) {
  actors::option_check{"set_worker_threads"}.within("n", n, 1, 1024);
  set_scheduler(cfg, n);
}

/// Sends one shared message to each handle in `dests` (`self`: an actor pointer or a scoped_actor);
/// if it throws, for want of memory, nobody gets it.
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
  while (elements.size() < std::size(dests))
    elements.push_back(make_element((*self).ctrl(), copy()));
  auto element = elements.begin();
  for (auto& dest : dests)
    caf::actor_cast<caf::abstract_actor*>(dest)->enqueue(std::move(*element++), (*self).context());
}

/// Sends a request as `self`, whose own interface does not matter. Returns the id by which the
/// answer comes (`await_answer`), which may also be one of `give_up_answer`. There is no time-out.
/// Precondition: `dest` is not null.
template <class Dest, class... Ts>
[[nodiscard]] caf::message_id send_request(caf::scheduled_actor& self, const Dest& dest,
                                           Ts&&... xs) {
  check_message<Dest, Ts...>();
  auto element = make_element(self.ctrl(), caf::make_message(std::forward<Ts>(xs)...));
  auto id = self.new_request_id(caf::message_priority::normal);
  element->mid = id;
  caf::actor_cast<caf::abstract_actor*>(dest)->enqueue(std::move(element), self.context());
  return id.response_id();
}

/// Lets `self` hear `why` as the answer of that id; one that comes later is dropped.
inline void give_up_answer(caf::scheduled_actor& self, caf::message_id answer, caf::error why) {
  auto element = make_element(nullptr, caf::make_message(std::move(why)));
  element->mid = answer;
  self.enqueue(std::move(element), self.context());
}

} // namespace troupe::compat
