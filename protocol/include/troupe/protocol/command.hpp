#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/limits.hpp>
#include <troupe/protocol/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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
  application
};

/// Which field carries the body of a `message`.
enum class body_field : std::uint8_t { none, text, data };

/// How a `message` wants to be delivered.
enum class delivery : std::uint8_t { reliable, volatile_, latest };

/// One validated client message. Views point into the bytes given to `decode` and are raw encoded
/// values in `source`.
struct command {
  command_kind kind = command_kind::application;
  codec source = codec::json;
  std::string type;       ///< decoded
  std::string_view bytes; ///< the whole message
  /// Raw value, empty if absent: goes back to the same connection as it came.
  std::string_view ref;
  std::optional<std::string> room_id; ///< decoded, not yet checked as a name
  std::string_view profile;           ///< raw map, empty if absent (`join`)
  body_field field = body_field::none;
  /// Raw value of `text` or `data` (`message`, `direct`); the bytes themselves (`binary`,
  /// MessagePack).
  std::string_view body;
  std::optional<std::string> decoded; ///< the bytes of a `binary` in JSON, where they are base64
  bool echo = true;
  delivery mode = delivery::reliable;
  bool has_since = false; ///< `join` came with a valid `since`
};

/// Why a message was refused, with what is needed to answer it.
struct decode_failure {
  errc code = errc::malformed;
  std::string detail;   ///< for a person; names the path (`/data/2/x`) where there is one
  std::string_view ref; ///< raw value if the message had a usable one
  std::string request;  ///< `type` if the message had a usable one
  std::optional<std::string> room_id;
};

/// Validates a whole message and decodes its envelope; the payload stays a view of `bytes`.
///
/// Shape:  a map with a string `type`; the fields of each type are in PROTOCOL.md. Unknown fields
/// are ignored but validated. Errors: `malformed` (grammar, depth, trailing bytes; JSON),
/// `undecodable` (invalid UTF-8; any MessagePack that is no single
///         document), `bad_request` (fields, duplicate envelope keys), `bad_payload` (values that
///         exist in one codec only), `too_big`. Never throws but for memory; no partial result.
/// Cost:   one pass for validation; allocates only for `type` and `room_id` longer than a small
/// string, and for base64. Thread: any. Source: RFC 8259, MessagePack specification.
[[nodiscard]] result<command, decode_failure> decode(codec source, std::string_view bytes,
                                                     const message_limits& limits);

/// Read access to the top-level fields of a message that `decode` has accepted.
class document_view {
public:
  document_view(codec source, std::string_view bytes) : source_(source), bytes_(bytes) {}

  /// The raw encoded value of `key`, empty if absent.
  [[nodiscard]] std::string_view raw(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> string(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] codec source() const noexcept { return source_; }
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

private:
  codec source_;
  std::string_view bytes_;
};

/// Rewrites one validated value in the other codec and appends it to `out`; the same codec is
/// copied verbatim. Rule: PROTOCOL.md, "Payloads". Precondition: `value` is one whole value that
/// `decode` has accepted.
void transcode(codec from, std::string_view value, codec to, std::string& out);

/// Whether `bytes` are one whole value that a message could carry as the value of a field. Cost:
/// one pass.
[[nodiscard]] bool is_value(codec source, std::string_view bytes);

/// Whether a message of that type can be the application's: not built in for clients or servers,
/// not empty, without control characters.
[[nodiscard]] bool is_application_type(std::string_view type) noexcept;

/// Whether `name` is a legal room name: 1 to 128 bytes of valid UTF-8, no control and no
/// bidi-control characters, no space at the ends.
[[nodiscard]] bool is_room_name(std::string_view name) noexcept;

} // namespace troupe::protocol
