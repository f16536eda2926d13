#pragma once

#include <cstddef>
#include <string_view>

namespace troupe::transport {

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Judges a text while it comes: fails as soon as no continuation can make it UTF-8 (RFC
/// 6455, 8.1).
///
/// Cost: each byte is looked at once, but for the up to three of a character that is not whole yet.
class growing_text {
public:
  /// Whether `text`, all of it that has come, is the start of some UTF-8. It grows from call to
  /// call.
  [[nodiscard]] bool may_go_on(std::string_view text) noexcept;

  /// Whether `text`, which was the last one to be judged, ends behind a whole character.
  [[nodiscard]] bool may_end(std::string_view text) const noexcept {
    return checked_ == text.size();
  }

private:
  std::size_t checked_ = 0; ///< bytes at the start that are whole characters
};

} // namespace troupe::transport
