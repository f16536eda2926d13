#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/limits.hpp>
#include <troupe/protocol/result.hpp>
#include <troupe/protocol/value_view.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::protocol {

/// The built-in types a client may send; every other string is `application`.
enum class command_kind : std::uint8_t {
  join,
  leave,
  message,
  binary,
  direct,
  presence,
  history,
  resume,
  auth,
  ping,
  profile,
  reply,
  reserve,
  application
};

/// Which field carries the body of a `message`.
enum class body_field : std::uint8_t { none, text, data };

/// How a `message` is delivered; PROTOCOL.md says what that means.
enum class delivery : std::uint8_t { reliable, volatile_, latest };

/// One validated client message. Views point into the bytes given to `decode`; they are raw values,
/// encoded in `source`.
struct command {
  command_kind kind = command_kind::application;
  codec source = codec::json;
  std::string type;       ///< decoded
  std::string_view bytes; ///< the whole message
  /// Raw value, empty if absent; returned unchanged to the same connection.
  std::string_view ref;
  std::optional<std::string> room_id; ///< decoded, not yet checked as a name
  std::string_view profile;           ///< raw map, empty if absent (`join`, `$profile`)
  body_field field = body_field::none;
  /// Raw value of `text` or `data` (`message`, `direct`, `$reply`); the decoded bytes (`binary` in
  /// MessagePack).
  std::string_view body;
  std::optional<std::string> decoded; ///< the bytes of a `binary` in JSON, decoded from base64
  bool echo = true;
  std::optional<delivery> mode; ///< empty: its room decides
  bool has_since = false;       ///< `join` came with a valid `since`
  /// `message`, `binary` or `direct` came with a valid `id`, or an application message has a field
  /// of that name that would be one.
  bool has_id = false;

  /// Entries in the answer to a `presence` that names no `limit`, and the most it can name.
  static constexpr std::int64_t default_page = 100;
  static constexpr std::int64_t largest_page = 1000;

  /// How many of the latest ids of a session a room knows again.
  static constexpr std::size_t known_ids = 64;

  /// Messages in the answer to a `history` that names no `limit`, and the most it can name.
  static constexpr std::int64_t history_page = 100;
};

/// Why a message was refused, and what the answer needs.
struct decode_failure {
  errc code = errc::malformed;
  std::string detail;   ///< for a person; names the path (`/data/2/x`) where there is one
  std::string_view ref; ///< raw value if the message had a usable one
  std::string request;  ///< `type` if the message had a usable one
  std::optional<std::string> room_id;
};

/// Validates a whole message and decodes its envelope; the payload stays a view of `bytes`.
///
/// Shape: a map with a string `type`; PROTOCOL.md has the fields of each type. Unknown fields are
/// validated, then ignored.
/// Errors: `malformed` (JSON: grammar, depth, trailing bytes), `undecodable` (invalid UTF-8; not
/// one MessagePack document), `bad_request` (fields, duplicate envelope keys), `bad_payload`
/// (values that exist in one codec only; MessagePack: depth), `too_big` (more than
/// `limits.max_message_bytes`). Throws only `std::bad_alloc`; no partial result.
/// Cost: one pass for validation. Allocates only for a long `type` or `room_id`, base64, escaped
/// keys, more than 16 fields, and the `rooms` of a `resume`.
/// Thread: any.
/// Source: RFC 8259, MessagePack specification.
[[nodiscard]] result<command, decode_failure> decode(codec source, std::string_view bytes,
                                                     const message_limits& limits);

/// Where a client left off in one room.
struct room_position {
  std::string room_id; ///< decoded, not checked as a name
  std::string epoch;   ///< decoded
  std::uint64_t seq = 0;
};

/// The `rooms` of a `resume`, in the client's order, each room once; empty if it names none, or if
/// `c` is another command. Precondition: `decode` has accepted `c`, and its bytes are still there.
/// Cost: one pass over the message for all, and one over each entry for each of its fields.
[[nodiscard]] std::vector<room_position> resume_rooms(const command& c);

/// Read access to the top-level fields of a message that `decode` has accepted.
class document_view {
public:
  document_view(codec source, std::string_view bytes) : source_(source), bytes_(bytes) {}

  /// The raw encoded value of `key`, empty if absent.
  [[nodiscard]] std::string_view raw(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> string(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> binary(std::string_view key) const;
  /// Maps and lists within it; absent ones if there are none of that key.
  [[nodiscard]] map_view object(std::string_view key) const;
  [[nodiscard]] list_view list(std::string_view key) const;
  /// All of it, which may be any value where it is the `data` of a `$reply`.
  [[nodiscard]] value_view value() const { return {source_, bytes_}; }
  [[nodiscard]] codec source() const noexcept { return source_; }
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

private:
  codec source_;
  std::string_view bytes_;
};

/// Rewrites one validated value in the codec `to` and appends it to `out`; copies it verbatim if
/// the codecs are the same. Rule: PROTOCOL.md, "Payloads". Precondition: `value` is one whole value
/// that `decode` has accepted.
void transcode(codec from, std::string_view value, codec to, std::string& out);

/// Whether `bytes` are one whole value that a field of a message could have. Cost: one pass.
[[nodiscard]] bool is_value(codec source, std::string_view bytes);

/// Whether `type` can be an application's own: not one that clients or servers have built in, not
/// empty, without control and bidi-control characters.
[[nodiscard]] bool is_application_type(std::string_view type) noexcept;

/// Whether `name` is a legal room name: 1 to 128 bytes of valid UTF-8, no control and no
/// bidi-control characters, no space at the ends.
[[nodiscard]] bool is_room_name(std::string_view name) noexcept;

} // namespace troupe::protocol
