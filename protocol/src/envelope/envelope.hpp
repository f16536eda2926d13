#pragma once

#include "envelope/field_table.hpp"

#include <troupe/protocol/command.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// Reads the fields of one validated message by the rules of its type (PROTOCOL.md, "What a client
/// sends").
class envelope_reader {
public:
  envelope_reader(codec source, std::string_view bytes, const field_table& fields,
                  const message_limits& limits)
    : source_(source), bytes_(bytes), fields_(fields), limits_(limits) {}

  [[nodiscard]] result<command, decode_failure> read() const;

  /// A failure with those fields of the envelope that are usable.
  [[nodiscard]] decode_failure refuse(errc code, std::string detail) const;

private:
  /// A sentence that says what is wrong; null if nothing is.
  using problem = const char*;

  problem read_type(command& out) const;
  problem read_room(command& out, bool required) const;
  problem read_kind(command& out) const;
  problem read_join(command& out) const;
  problem read_profile(command& out) const;
  problem read_presence(command& out) const;
  problem read_history(command& out) const;
  problem read_reply(command& out) const;
  [[nodiscard]] problem read_resume() const;
  [[nodiscard]] problem read_reserve() const;
  problem read_limit(std::int64_t most, problem wrong) const;
  problem read_message(command& out) const;
  problem read_binary(command& out) const;
  problem read_echo(command& out) const;
  problem read_id(command& out) const;
  problem read_body(command& out) const;
  problem read_delivery(command& out) const;

  [[nodiscard]] bool is_short_type(std::string_view type) const;
  [[nodiscard]] bool is_usable_type(std::string_view type) const;
  [[nodiscard]] bool is_usable_ref(std::string_view raw) const;
  [[nodiscard]] bool is_short_string(std::string_view raw) const;
  [[nodiscard]] bool is_string(std::string_view key) const;
  [[nodiscard]] bool is_map(std::string_view raw) const;
  [[nodiscard]] bool is_position(std::string_view raw) const;

  codec source_;
  std::string_view bytes_;
  const field_table& fields_;
  const message_limits& limits_;
};

} // namespace troupe::protocol
