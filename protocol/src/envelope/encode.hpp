#pragma once

#include <troupe/protocol/event.hpp>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// The parts of one server message; parts with an empty key or no value are left out.
struct message_parts {
  std::string_view type; ///< empty: the map has none
  /// Fields with the protocol's own keys, which need no escape.
  std::span<const field> head;
  std::span<const field> tail;
  /// Keys that `tail` may not have: its fields with these keys are left out.
  std::span<const std::string_view> reserved;
  encoded_fields more{}; ///< in the same codec, behind all others
};

/// Encodes the parts as one map and appends it to `out`.
void append_message(codec to, const message_parts& parts, std::string& out);

/// Encodes the parts as one complete WebSocket frame.
[[nodiscard]] shared_bytes frame_of(codec to, const message_parts& parts, memory_meter* meter);

[[nodiscard]] inline shared_bytes frame_of(codec to, std::string_view type,
                                           std::initializer_list<field> fields,
                                           memory_meter* meter) {
  return frame_of(to, {type, {fields.begin(), fields.size()}, {}, {}}, meter);
}

/// A field that is left out if its text is empty.
[[nodiscard]] inline field optional_field(std::string_view key, std::string_view text) {
  return {text.empty() ? std::string_view{} : key, text};
}

/// A number that is left out if there is none.
[[nodiscard]] inline field optional_field(std::string_view key,
                                          std::optional<std::uint64_t> number) {
  return {number ? key : std::string_view{}, number.value_or(0)};
}

/// A value in the receiver's own codec; left out if empty.
[[nodiscard]] inline field raw_field(std::string_view key, encoding to, std::string_view raw) {
  return {key, raw_value{codec_of(to), raw}};
}

/// An empty string of this thread, in which to build one message. Frees the memory that a large
/// message before it left.
[[nodiscard]] std::string& scratch();

} // namespace troupe::protocol
