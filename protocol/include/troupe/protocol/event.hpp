#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace troupe::protocol {

/// An encoded value, written verbatim in its own codec and transcoded to the other. If it is empty,
/// its field is left out.
struct raw_value {
  codec source;
  std::string_view bytes;
};

/// A byte string: MessagePack `bin`, `{"$bin":"<base64>"}` in JSON.
struct binary_value {
  std::string_view bytes;
};

/// A list of strings.
using string_list = std::span<const std::string>;

/// One value of a server message. Views must live until the call that encodes them returns.
using value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool, raw_value,
                           binary_value, string_list>;

namespace detail {

template <class T, class... Others>
concept one_of = (std::same_as<T, Others> || ...);

} // namespace detail

/// A single character: nobody knows whether it is meant as a text or as a number.
template <class T>
concept character = detail::one_of<T, char, wchar_t, char8_t, char16_t, char32_t>;

/// One key with its value. Converts from the usual types: `{"userCount", 3}`; `nullptr` and single
/// characters do not compile.
struct field {
  template <class T>
  requires(!std::is_null_pointer_v<T> && !character<T>) field(std::string_view k, const T& x)
    : key(k), val(convert(x)) {}

  std::string_view key;
  value val;

private:
  template <class T>
  static value convert(const T& x) {
    if constexpr (
      std::is_same_v<
        T,
        bool> || std::is_same_v<T, raw_value> || std::is_same_v<T, binary_value> || std::is_same_v<T, string_list>)
      return x;
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<double>(x);
    else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
      return static_cast<std::int64_t>(x);
    else if constexpr (std::is_integral_v<T>)
      return static_cast<std::uint64_t>(x);
    else
      return std::string_view{x};
  }
};

using field_list = std::initializer_list<field>;

/// Whether an application's event may have a field of that name: neither one that the server sets
/// (`type`, `roomId`, `seq`, `ref`) nor one that no message may have (`__proto__`, `$bin`, invalid
/// UTF-8).
[[nodiscard]] bool is_field_name(std::string_view key) noexcept;

/// Whether a map below the outermost one may have a key of that name: all but `__proto__`, `$bin`
/// and invalid UTF-8.
[[nodiscard]] bool is_inner_key(std::string_view key) noexcept;

/// Encodes the fields as one map, in their order. Skips fields with an empty key or an empty
/// `raw_value`. Thread: any.
[[nodiscard]] std::string encode_map(codec to, std::span<const field> fields);

/// Fields of a map that are encoded already: one behind the other, in JSON with commas between,
/// without the map's own head and end.
struct encoded_fields {
  std::size_t count = 0;
  std::string_view bytes{};
};

/// The same fields in each codec; empty ones where they were not encoded. Indexed by codec.
using encoded_by_codec = std::array<encoded_fields, codec_count>;

/// The map of such fields. Precondition: they are in the codec `to`. Thread: any.
[[nodiscard]] std::string map_of(codec to, const encoded_fields& fields);

/// Encodes `{type, fields...}` as one complete WebSocket frame (text for JSON, binary for
/// MessagePack). `type` comes first. Skips fields with an empty key or the key `type`. Cost: one
/// allocation, counted against `meter`. Thread: any.
[[nodiscard]] shared_bytes encode_frame(codec to, std::string_view type,
                                        std::span<const field> fields, memory_meter* meter);

// -- what a room tells its members ----------------------------------------------------------------
// Each function returns an empty handle where the encoding does not have the event.

/// An instant on the wall clock; on the wire ISO 8601, UTC, milliseconds
/// (`2026-01-31T09:30:00.000Z`).
using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;
[[nodiscard]] std::string iso_8601(wall_time at);

struct message_event {
  std::string_view room_id;
  std::string_view user_id;
  std::optional<std::uint64_t> seq = 0; ///< absent: it is not stored
  std::string_view timestamp;           ///< ISO 8601
  body_field field = body_field::text;
  raw_value body{codec::json, {}};
};

/// A user's message to all sessions of another user.
struct direct_event {
  std::string_view user_id; ///< who says it; empty: the server
  std::uint64_t seq = 0;    ///< among the directs of the receiving session
  std::string_view timestamp;
  body_field field = body_field::text;
  raw_value body{codec::json, {}};
};

struct joined_event {
  std::string_view room_id;
  std::string_view user_id;
  std::string_view epoch;
  std::uint64_t seq = 0;
  std::optional<bool> recovered;
  std::string_view ref;     ///< raw in the receiver's codec; empty if none
  std::string_view members; ///< likewise: the first users; empty if they are not told
  std::uint64_t total = 0;  ///< users in the room, told with `members`
};

[[nodiscard]] shared_bytes message_frame(encoding to, const message_event& event,
                                         memory_meter* meter);
[[nodiscard]] shared_bytes direct_frame(encoding to, const direct_event& event,
                                        memory_meter* meter);
[[nodiscard]] shared_bytes joined_frame(encoding to, const joined_event& event,
                                        memory_meter* meter);

/// `left`; plain clients get none. `reason` is empty if the member left by itself, else `kicked`.
[[nodiscard]] shared_bytes left_frame(encoding to, std::string_view room_id, std::uint64_t seq,
                                      std::string_view reason, std::string_view message,
                                      std::string_view ref, memory_meter* meter);
/// `profile.bytes`: empty if there is none.
[[nodiscard]] shared_bytes user_joined_frame(encoding to, std::string_view room_id,
                                             std::string_view user_id, raw_value profile,
                                             memory_meter* meter);
[[nodiscard]] shared_bytes user_left_frame(encoding to, std::string_view room_id,
                                           std::string_view user_id, std::string_view reason,
                                           memory_meter* meter);
/// A user's profile has become another; empty: it has none any more. Plain clients get none.
[[nodiscard]] shared_bytes profile_frame(encoding to, std::string_view room_id,
                                         std::string_view user_id, raw_value profile,
                                         memory_meter* meter);
/// A user's last connection is lost and its seat is kept (`away`), or it is back. Plain clients get
/// none.
[[nodiscard]] shared_bytes away_frame(encoding to, std::string_view room_id,
                                      std::string_view user_id, bool away, memory_meter* meter);
/// A question of the room's behaviour to one member. Plain clients get none.
[[nodiscard]] shared_bytes request_frame(encoding to, std::string_view room_id,
                                         std::string_view request_id, raw_value data,
                                         memory_meter* meter);
/// A broadcast of the application: with `roomId` and `seq` for troupe.v1, the bare fields for plain
/// clients. `seq` is absent if the event is not stored (`send_to`). `more`, in the codec of `to`,
/// follow `fields` as they are. Precondition: no key of them is there twice, or the server's.
[[nodiscard]] shared_bytes application_frame(encoding to, std::string_view type,
                                             std::string_view room_id,
                                             std::optional<std::uint64_t> seq,
                                             std::span<const field> fields, memory_meter* meter,
                                             const encoded_fields& more = {});
/// A relayed binary message. JSON: two adjacent frames (`{type:"binary", roomId, userId, seq,
/// bytes}`, then the raw bytes). MessagePack: one map with `data`. `seq` is absent if it is not
/// stored, `user_id` empty if the room's behaviour says it.
[[nodiscard]] shared_bytes binary_frame(encoding to, std::string_view room_id,
                                        std::string_view user_id, std::optional<std::uint64_t> seq,
                                        std::string_view bytes, memory_meter* meter);
[[nodiscard]] shared_bytes room_closed_frame(encoding to, std::string_view room_id,
                                             std::string_view reason, memory_meter* meter);

// -- what one client is told ----------------------------------------------------------------------

/// `seq` is absent for an ack without a position (`auth`). `is_repeat`: of a message that was
/// accepted before.
[[nodiscard]] shared_bytes ack_frame(encoding to, std::string_view ref, std::string_view room_id,
                                     std::optional<std::uint64_t> seq, memory_meter* meter,
                                     bool is_repeat = false);

struct error_event {
  errc code = errc::internal;
  std::string_view detail;  ///< empty: the table's sentence
  std::string_view ref;     ///< raw in the receiver's codec; empty if none
  std::string_view request; ///< the command's type; empty if unknown
  std::string_view room_id; ///< empty if none
  std::optional<std::chrono::milliseconds> retry_after;
};
[[nodiscard]] shared_bytes error_frame(encoding to, const error_event& event, memory_meter* meter);

/// The limits that `welcome` tells a client.
struct welcome_limits {
  std::uint64_t max_message_bytes = 0;
  std::uint64_t max_rooms = 0;
  double messages_per_second = 0;
  std::uint64_t burst_messages = 0;
  std::uint64_t dedupe = 0; ///< ids that a room knows again; 0: not told
};

struct welcome_event {
  std::string_view user_id;
  std::string_view client_id;
  /// The string of the session, a secret; empty if none is kept: then `resume_window` is not told.
  std::string_view resume;
  std::chrono::milliseconds resume_window{0}; ///< how long a session is kept
  std::chrono::milliseconds heartbeat{0};
  welcome_limits limits;
};
/// Plain clients get none.
[[nodiscard]] shared_bytes welcome_frame(encoding to, const welcome_event& event,
                                         memory_meter* meter);

/// A room that a resumed session is in.
struct resumed_room {
  std::string_view room_id;
  std::string_view epoch;
  std::uint64_t seq = 0;
  bool recovered = false; ///< what the client has missed follows, all of it
};

/// A room that a resumed session is not in, and why.
struct lost_room {
  std::string_view room_id;
  errc code = errc::internal;
};

/// Where the directs of a resumed session stand.
struct resumed_directs {
  std::uint64_t seq = 0;  ///< of the latest
  bool recovered = false; ///< all that the client has missed follow
};

struct resumed_event {
  std::string_view ref; ///< raw in the receiver's codec; empty if none
  std::string_view user_id;
  std::string_view client_id;
  std::span<const resumed_room> rooms; ///< in the order in which they were joined
  std::span<const lost_room> lost;
  std::string_view resume; ///< the string of the session from now on, a secret
  std::optional<resumed_directs> directs{};
};
/// Plain clients get none.
[[nodiscard]] shared_bytes resumed_frame(encoding to, const resumed_event& event,
                                         memory_meter* meter);
[[nodiscard]] shared_bytes pong_frame(encoding to, std::string_view ref, std::string_view timestamp,
                                      memory_meter* meter);
/// `reconnect_after` is absent for a final stop. Plain clients get none.
[[nodiscard]] shared_bytes goodbye_frame(
  encoding to, std::string_view reason,
  std::optional<std::pair<std::chrono::milliseconds, std::chrono::milliseconds>> reconnect_after,
  memory_meter* meter);

} // namespace troupe::protocol
