#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace troupe::protocol {

/// Validates a text while it comes: fails as soon as no continuation can make it UTF-8 (RFC
/// 6455, 8.1).
///
/// Cost: one look at each byte; more only for the bytes of a character that comes in parts.
class growing_text {
public:
  /// Adds `fresh`. Returns whether all that has come can be the start of valid UTF-8.
  [[nodiscard]] bool may_go_on(std::string_view fresh) noexcept;

  /// Whether the text that has come ends with a whole character.
  [[nodiscard]] bool may_end() const noexcept { return open_bytes_ == 0; }

private:
  [[nodiscard]] bool complete(std::string_view& fresh) noexcept;

  std::array<char, 4> open_{}; ///< bytes of an incomplete character
  std::uint8_t open_bytes_ = 0;
};

} // namespace troupe::protocol
