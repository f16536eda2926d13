#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace troupe::protocol {

/// Judges a text while it comes: fails as soon as no continuation can make it UTF-8 (RFC
/// 6455, 8.1).
///
/// Cost: each byte is looked at once, but for the up to four of a character that comes in parts.
class growing_text {
public:
  /// Whether all that has come, with `fresh` behind it, is the start of some UTF-8.
  [[nodiscard]] bool may_go_on(std::string_view fresh) noexcept;

  /// Whether what has come ends behind a whole character.
  [[nodiscard]] bool may_end() const noexcept { return open_bytes_ == 0; }

private:
  [[nodiscard]] bool complete(std::string_view& fresh) noexcept;

  std::array<char, 4> open_{}; ///< of a character that is not whole
  std::uint8_t open_bytes_ = 0;
};

} // namespace troupe::protocol
