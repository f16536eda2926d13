#pragma once

#include <troupe/protocol/ws_mask.hpp>

#include <troupe/protocol/frame.hpp>

#include <cstddef>
#include <cstdint>

namespace troupe::protocol {

/// The header of one frame, as it came. Source: RFC 6455, 5.2.
struct ws_header {
  static constexpr std::size_t max_bytes = 14;
  static constexpr std::size_t min_client_bytes = 6; ///< with a mask

  std::uint8_t first = 0;  ///< final bit, reserved bits, opcode
  std::uint8_t second = 0; ///< mask bit; the length, or the size of its field
  std::uint64_t length = 0;
  ws_mask mask;

  /// The size of a header, from its second byte.
  [[nodiscard]] static constexpr std::size_t bytes(std::uint8_t second) noexcept {
    const auto told = second & 0x7f;
    return (told == 126 ? 4u : told == 127 ? 10u : 2u) + ((second & 0x80) ? 4u : 0u);
  }

  /// Reads a header. Precondition: all of it is there.
  [[nodiscard]] static ws_header read(const char* from) noexcept {
    ws_header h;
    h.first = static_cast<std::uint8_t>(from[0]);
    h.second = static_cast<std::uint8_t>(from[1]);
    h.length = h.second & 0x7f;
    const auto size = bytes(h.second);
    if (h.length > max_control_bytes)
      h.length = big_endian(from + 2, h.length == 126 ? 2 : 8);
    if (h.is_masked())
      h.mask = ws_mask{from + size - 4};
    return h;
  }

  [[nodiscard]] bool is_final() const noexcept { return (first & 0x80) != 0; }
  [[nodiscard]] bool is_deflated() const noexcept { return (first & 0x40) != 0; }
  [[nodiscard]] bool has_unknown_bits() const noexcept { return (first & 0x30) != 0; }
  [[nodiscard]] bool is_control() const noexcept { return (first & 0x08) != 0; }
  [[nodiscard]] opcode op() const noexcept { return static_cast<opcode>(first & 0x0f); }
  [[nodiscard]] bool is_masked() const noexcept { return (second & 0x80) != 0; }

  /// Whether a shorter header could have held the length.
  [[nodiscard]] bool is_too_long() const noexcept {
    const auto told = second & 0x7f;
    return (told == 126 && length <= max_control_bytes) || (told == 127 && length <= 0xffff);
  }

private:
  static std::uint64_t big_endian(const char* from, int bytes) noexcept {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i)
      value = value << 8 | static_cast<std::uint8_t>(from[i]);
    return value;
  }
};

} // namespace troupe::protocol
