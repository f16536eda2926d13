#include "room/running_room.hpp"

#include <stdexcept>
#include <string>

namespace troupe::actors {

void running_room::refuse(const char* call) {
  throw std::logic_error{"room_context::" + std::string{call}
                         + ": called outside of a hook of its room. A room_context is valid in the "
                           "hooks of its own room only, on the thread that runs them; from "
                           "elsewhere use a room_handle."};
}

} // namespace troupe::actors
