#pragma once

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include <utility>

namespace troupe::test {

/// An actor of a function, on CAF's threads. `Self` is how the function sees the actor. CAF 0.17
/// binds a reference to a null pointer if it spawns a function that is given nothing else
/// (detail/init_fun_factory.hpp), and there the sanitizer stops; so this one is given a number.
template <class Self = caf::event_based_actor*, class F>
auto spawn_function(caf::actor_system& system, F f) {
  return system.spawn([f = std::move(f)](Self self, int) { return f(self); }, 0);
}

} // namespace troupe::test
