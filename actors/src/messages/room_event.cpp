#include <troupe/actors/room_event.hpp>

#include <troupe/protocol/frame.hpp>

namespace troupe::actors {

std::string_view room_event::json() const noexcept {
  return bytes ? protocol::frame_payload(bytes.view()) : std::string_view{};
}

} // namespace troupe::actors
