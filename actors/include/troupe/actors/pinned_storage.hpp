// CAF's storage of an actor that is pinned to a loop, so that it never ends on another thread.
#pragma once

#include <troupe/actors/caf_compat.hpp>

#if !TROUPE_CAF_V1

#include <caf/actor_storage.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace troupe::compat {

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
