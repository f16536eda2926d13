#include <troupe/protocol/errc.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace troupe::protocol {

namespace {

constexpr std::array<errc_info, 41> table{{
  {errc::ok, "ok", "All is well.", 0, false},
  {errc::malformed, "malformed", "The message is not one well-formed document.", 0, false},
  {errc::bad_request, "bad_request",
   "A field of the message is missing, doubled or of the wrong type.", 0, false},
  {errc::bad_payload, "bad_payload",
   "The message holds a value that does not exist in both codecs.", 0, false},
  {errc::bad_room, "bad_room", "This is not a legal room name.", 0, false},
  {errc::unknown_type, "unknown_type", "Nobody here handles messages of this type.", 0, false},
  {errc::unsupported, "unsupported", "This server does not support that yet.", 0, false},
  {errc::not_joined, "not_joined", "Join the room first.", 0, false},
  {errc::forbidden, "forbidden", "You may not do that here.", 0, false},
  {errc::room_full, "room_full", "The room is full.", 0, true},
  {errc::room_limit, "room_limit", "You are in as many rooms as one connection may join.", 0, true},
  {errc::node_room_limit, "node_room_limit", "The server has no place for another room.", 0, true},
  {errc::room_closed, "room_closed", "The room was closed.", 0, true},
  {errc::room_gone, "room_gone", "The room has ended.", 0, true},
  {errc::rate_limited, "rate_limited", "You send too fast.", 0, true},
  {errc::overloaded, "overloaded", "There is more to do than can be done now.", 0, true},
  {errc::timed_out, "timed_out", "The answer took too long.", 0, true},
  {errc::internal, "internal", "Something went wrong in the server.", 1011, true},
  {errc::undecodable, "undecodable", "The message cannot be decoded.", 1007, false},
  {errc::wrong_frame_type, "wrong_frame_type", "This connection does not take frames of this type.",
   1003, false},
  {errc::too_big, "too_big", "The message is too big.", 1009, false},
  {errc::too_many_errors, "too_many_errors", "Too many faulty messages.", 1008, false},
  {errc::flood, "flood", "Too many frames in too short a time.", 1008, false},
  {errc::assembly_timeout, "assembly_timeout", "The message was not complete in time.", 1008,
   false},
  {errc::slow_consumer, "slow_consumer", "You read too slowly.", 1013, true},
  {errc::protocol_error, "protocol_error", "A WebSocket rule was broken.", 1002, false},
  {errc::restart, "restart", "The server restarts.", 1012, true},
  {errc::shutdown, "shutdown", "The server stops.", 1001, false},
  {errc::heartbeat_timeout, "heartbeat_timeout", "Nothing was heard from you for too long.", 1008,
   true},
  {errc::write_timeout, "write_timeout", "Nothing could be sent to you for too long.", 1008, true},
  {errc::node_overloaded, "node_overloaded", "The server is overloaded.", 1013, true},
  {errc::waiting_limit, "waiting_limit", "Too many commands wait for a join.", 0, true},
  {errc::unauthorized, "unauthorized", "This token is not accepted.", 0, false},
  {errc::identity_mismatch, "identity_mismatch", "This token is another user's.", 0, false},
  {errc::token_expired, "token_expired", "The token has expired.", 1008, false},
  {errc::parts_limit, "parts_limit",
   "Too many messages have come in part, and yours has waited longest for its rest.", 1013, true},
  {errc::session_gone, "session_gone", "This session is not kept any more.", 0, false},
  {errc::replaced, "replaced", "Another connection has taken over this session.", 1008, false},
  {errc::user_away, "user_away", "None of this user's clients is here.", 0, true},
  {errc::disconnected, "disconnected", "The server has ended your session.", 1008, false},
  {errc::no_such_room, "no_such_room", "There is no room of this name here.", 0, false},
}};

constexpr bool rows_sit_at_their_codes() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (static_cast<std::size_t>(table[i].code) != i)
      return false;
  return true;
}
static_assert(rows_sit_at_their_codes());

} // namespace

const errc_info& info(errc code) noexcept {
  auto row = static_cast<std::size_t>(code);
  return table[row < table.size() ? row : static_cast<std::size_t>(errc::internal)];
}

const errc_info* info_named(std::string_view name) noexcept {
  auto i = std::find_if(table.begin(), table.end(), [&](auto& row) { return row.name == name; });
  return i == table.end() ? nullptr : &*i;
}

} // namespace troupe::protocol
