#include <troupe/actors/room_event.hpp>

#include <troupe/protocol/frame.hpp>

#include <array>
#include <cstddef>

namespace troupe::actors {
namespace {

/// The bytes of a MessagePack `bin`; empty for another value.
std::string_view bytes_of_bin(std::string_view value) noexcept {
  constexpr unsigned first_head = 0xc4; // with 1, 2 or 4 bytes of length
  constexpr std::array<std::size_t, 3> head_bytes{2, 3, 5};
  if (value.empty())
    return {};
  auto kind = static_cast<unsigned char>(value.front()) - first_head;
  return kind < head_bytes.size() ? value.substr(head_bytes[kind]) : std::string_view{};
}

} // namespace

std::string_view room_event::payload() const noexcept {
  return bytes ? protocol::frame_payload(bytes.view()) : std::string_view{};
}

std::string room_event::type() const {
  return bytes ? fields().string("type").value_or("") : std::string{};
}

/// In JSON it is in a frame of its own.
std::string_view room_event::binary() const noexcept {
  if (!bytes)
    return {};
  if (codec == protocol::codec::json) {
    auto behind = bytes.view().substr(protocol::frame_length(bytes.view()));
    return behind.empty() ? behind : protocol::frame_payload(behind);
  }
  return bytes_of_bin(fields().raw("data"));
}

} // namespace troupe::actors
