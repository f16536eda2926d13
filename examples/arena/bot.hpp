#pragma once

#include <troupe/node.hpp>

#include <string_view>

namespace troupe::examples {

/// Has a bot join a room: an actor on the threads of `system`, which is a member like any player,
/// and hears and says what players do. It ends when it leaves the room. `number`: each bot has
/// another one. Thread: any.
void send_bot(actors::node& node, caf::actor_system& system, std::string_view room,
              unsigned number);

} // namespace troupe::examples
