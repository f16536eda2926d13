#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <string>

namespace troupe::protocol {

// A room keeps an event once, as a frame of troupe.v1 that is not deflated, in either codec. (Of a
// binary message in JSON, as the two adjacent ones.) The frame of the other codec is made from it.
//
// Rule: PROTOCOL.md, "From one codec to the other"; of a binary message, "Binary messages".
// Precondition of all: `event` was made by `message_frame`, `binary_frame` or `application_frame`.
// Errors: `std::bad_alloc`. Thread: any.

/// The codec that the event is written in.
[[nodiscard]] codec codec_of(const shared_bytes& event) noexcept;

/// The event's frames in `to`: `event` itself if it is written so. Else makes them; cost: two
/// passes, one allocation counted against `meter`. What a client wrote in `to` and the room has
/// kept in the other codec has the same values, but not always the same bytes.
[[nodiscard]] shared_bytes event_frames(codec to, const shared_bytes& event, memory_meter* meter);

/// Appends the event to `out` as one map in `to`. The bytes of a binary message are its field
/// `data`, in JSON `{"$bin":…}`.
void append_event(codec to, const shared_bytes& event, std::string& out);

} // namespace troupe::protocol
