#pragma once

// For rooms that speak CAF. It includes CAF, which `<troupe/troupe.hpp>` does not.

#include <troupe/actors/find_room.hpp>
#include <troupe/actors/typed_room.hpp>

namespace troupe {
using actors::find_room;
using actors::room_promise;
using actors::rooms_actor;
using actors::typed_room;
} // namespace troupe
