// Finding a room as an actor.
#pragma once

#include <troupe/actors/caf_compat.hpp>

#include <chrono>
#include <string>
#include <typeinfo>
#include <utility>

namespace troupe::actors {

/// Names an interface in a request; never leaves the process.
struct interface_ref {
  const std::type_info* type = nullptr;
};

} // namespace troupe::actors

CAF_BEGIN_TYPE_ID_BLOCK(troupe_interfaces, 4002)
CAF_ADD_TYPE_ID(troupe_interfaces, (troupe::actors::interface_ref))
CAF_END_TYPE_ID_BLOCK(troupe_interfaces)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::interface_ref)

namespace troupe::actors {

/// Who knows the rooms: `node::rooms_actor`.
using rooms_actor = compat::typed_actor<
  // The room of that name. Errors: `caf::sec::invalid_argument`: there is none (it is not made);
  // `unexpected_message`: it has another interface, or none; `request_receiver_down`: it has just
  // ended, or the node has. A null `rooms_actor`, which a node that has ended gives:
  // `invalid_argument`, too.
  caf::result<caf::strong_actor_ptr>(std::string, interface_ref)>;

/// The search for a room: say what happens with the result right away.
template <class Room, class Response>
class [[nodiscard]] room_search {
public:
  using actor_type = typename Room::actor_type;

  explicit room_search(Response response) : response_(std::move(response)) {}

  /// For event-based actors: runs `f(actor_type)` or `failed(const caf::error&)` in the searcher.
  template <class F, class E>
  void then(F f, E failed) && {
    std::move(response_).then(
      [f = std::move(f)](const caf::strong_actor_ptr& room) mutable {
        f(caf::actor_cast<actor_type>(room));
      },
      [failed = std::move(failed)](const caf::error& why) mutable { failed(why); });
  }

  /// The same for a `scoped_actor`, which waits for the result here.
  template <class F, class E>
  void receive(F f, E failed) && {
    std::move(response_).receive(
      [&f](const caf::strong_actor_ptr& room) { f(caf::actor_cast<actor_type>(room)); },
      [&failed](const caf::error& why) { failed(why); });
  }

private:
  Response response_;
};

/// Searches for a room that is there, as an actor of its interface:
///
///     find_room<arena>(self, node.rooms_actor(), "arena:1", 1s).then(f, failed);
///
/// `Room` is a `typed_room`; `self` is an actor pointer, or a `scoped_actor`. `f` is given a
/// `Room::actor_type`, which is the room itself: it can be sent to, asked and monitored, and keeps
/// nothing alive. Once the room has ended, requests are answered `request_receiver_down`; the next
/// room of that name is another actor. Errors: see `rooms_actor`; `request_timeout` after `limit`.
/// Cost: two messages, one more if another loop has the room. Thread: of `self`.
template <class Room, class Self>
auto find_room(Self&& self, const rooms_actor& rooms, std::string name,
               std::chrono::milliseconds limit) {
  auto response = compat::request(self, rooms, limit, std::move(name),
                                  interface_ref{&typeid(typename Room::actor_type)});
  return room_search<Room, decltype(response)>{std::move(response)};
}

} // namespace troupe::actors
