#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::protocol {

/// Every reason for which a command, a connection or a room can be refused or ended. Append-only:
/// the numbers and names travel.
enum class errc : std::uint8_t {
  ok = 0,
  malformed = 1,   ///< not one well-formed document
  bad_request = 2, ///< a field is missing, doubled, or of the wrong type
  bad_payload = 3, ///< a value that does not exist in both codecs
  bad_room = 4,    ///< not a legal room name
  unknown_type = 5,
  unsupported = 6,
  not_joined = 7,
  forbidden = 8,
  room_full = 9,
  room_limit = 10,      ///< rooms per connection
  node_room_limit = 11, ///< rooms per node
  room_closed = 12,
  room_gone = 13, ///< between actors only: they ask the registry again
  rate_limited = 14,
  overloaded = 15,
  timed_out = 16,
  internal = 17,
  // These end a connection.
  undecodable = 18, ///< invalid UTF-8, undecodable MessagePack
  wrong_frame_type = 19,
  too_big = 20,
  too_many_errors = 21,
  flood = 22,
  assembly_timeout = 23,
  slow_consumer = 24,
  protocol_error = 25,
  restart = 26,
  shutdown = 27,
  heartbeat_timeout = 28,
  write_timeout = 29,
  node_overloaded = 30,
  waiting_limit = 31,     ///< too many commands wait for a pending join
  unauthorized = 32,      ///< the token of an `auth` is not accepted
  identity_mismatch = 33, ///< the token of an `auth` is another user's
  token_expired = 34,     ///< the token expired and was not refreshed
  parts_limit = 35,       ///< too many incomplete messages; this one has waited longest
  session_gone = 36,      ///< a `resume` names no session that is kept
  replaced = 37,          ///< another connection has resumed the session of this one
  user_away = 38,         ///< no client of that user is here
  disconnected = 39,      ///< the application has ended the session
  no_such_room = 40,      ///< the application has rooms of other names only
};

/// One row of the code table.
struct errc_info {
  errc code;
  std::string_view name;     ///< as it travels in `error.code` and close reasons
  std::string_view sentence; ///< one sentence for a person
  std::uint16_t close_code;  ///< 0: the connection stays open
  bool retryable;            ///< whether the same command may succeed later
};

[[nodiscard]] const errc_info& info(errc code) noexcept;
/// The row of that name; null if there is none. Cost: linear.
[[nodiscard]] const errc_info* info_named(std::string_view name) noexcept;
[[nodiscard]] inline std::string_view to_string(errc code) noexcept { return info(code).name; }

} // namespace troupe::protocol
