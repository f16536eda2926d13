#pragma once

#include <troupe/actors/room_behavior.hpp>

#include <string_view>

namespace troupe::actors {

/// Throws `std::invalid_argument`, a sentence, for an event that could not be sent as a frame that
/// all members can read: a type that is no application's, or a raw value that is none in its codec.
///
/// `as_said`: the type of the command being handled, `document`: its bytes; both are valid already,
/// and so is each part of them. Cost: one pass over each raw value that is no part of `document`.
void check_event(const broadcast_event& event, std::string_view as_said = {},
                 std::string_view document = {});

} // namespace troupe::actors
