#pragma once

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/metadata.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// What a `$reserve` asks for.
struct seat_wish {
  std::string pattern;      ///< of rooms' names
  metadata_filter filter{}; ///< what the room has to be like
  metadata wanted{};        ///< of a room that is made for it (`metadata_of_new_room`)
};

/// Reads a `$reserve`. Precondition: `decode` has accepted `c`, which is one, and its bytes are
/// still there. Cost: one pass for each of its fields.
[[nodiscard]] seat_wish seat_wish_of(const command& c);

/// A seat that is held.
struct reserved_event {
  std::string_view ref; ///< raw in the receiver's codec; empty if none
  std::string_view room_id;
  std::chrono::milliseconds hold{0}; ///< for how long
  bool made = false;                 ///< the room has been made for it
};
/// `$reserved`; plain clients get the same.
[[nodiscard]] shared_bytes reserved_frame(encoding to, const reserved_event& event,
                                          memory_meter* meter);

} // namespace troupe::protocol
