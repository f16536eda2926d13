#include <troupe/actors/room_event.hpp>

#include <troupe/protocol/frame.hpp>

namespace troupe::actors {

std::string_view room_event::json() const noexcept {
  if (!bytes)
    return {};
  auto length = static_cast<unsigned char>(bytes.data()[1]) & 0x7f;
  std::size_t header = length == 126 ? 4 : length == 127 ? 10 : 2;
  return bytes.view().substr(header, protocol::frame_length(bytes.view()) - header);
}

} // namespace troupe::actors
