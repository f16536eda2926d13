#pragma once

#include <troupe/actors/room_context.hpp>

#include <chrono>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// Throws `std::invalid_argument`, with a sentence, if the event cannot become a frame that all
/// members can read: its type is not an application's, a field's name is doubled or not allowed, or
/// a raw value is not valid in its codec.
///
/// `as_said` is the type of the command being handled, `document` its bytes: parts of it are valid
/// already. Cost: one pass over each raw value that is not a part of `document`.
void check_event(const broadcast_event& event, std::string_view as_said = {},
                 std::string_view document = {});

/// The same for an event whose fields somebody writes: `object_writer` checks those. Throws also if
/// it has fields of its own.
void check_filled_event(const broadcast_event& event, std::string_view as_said = {});

/// The same for the fields of an inner map, where the names that the server sets are allowed.
void check_data(const std::vector<protocol::field>& data, std::string_view document = {});

/// The same for what a bot says, of any type but an empty one. All names that a message can have
/// are allowed but `type`.
void check_said(std::string_view type, const std::vector<protocol::field>& fields);

/// The same for what a member is asked. Throws also for a `limit` that is not from 1 ms to 24 h,
/// and if there is no handler.
void check_request(const std::vector<protocol::field>& data, std::chrono::milliseconds limit,
                   bool has_handler, std::string_view document = {});

} // namespace troupe::actors
