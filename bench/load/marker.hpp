#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::bench {

/// The first 16 characters of every message's text: who sent it, its number, and when it was meant
/// to be sent.
struct marker {
  static constexpr std::size_t size = 16;

  std::uint32_t publisher = 0; ///< 18 bits
  std::uint32_t number = 0;    ///< from 1; 30 bits
  std::uint64_t at_us = 0;     ///< since the start of the load; 42 bits

  /// Overwrites 16 characters at `out`.
  void write(char* out) const noexcept;
};

/// Finds the first marker in bytes from a server.
[[nodiscard]] std::optional<marker> find_marker(std::string_view bytes) noexcept;

} // namespace troupe::bench
