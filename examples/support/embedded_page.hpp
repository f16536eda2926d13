#pragma once

#include <span>
#include <string_view>

namespace troupe::examples {

/// One file of the page. The build writes the definitions (`embed.cmake`).
struct embedded_file {
  std::string_view path; ///< below the page's folder, `/` in between
  std::string_view bytes;
};

[[nodiscard]] std::span<const embedded_file> embedded_page() noexcept;

} // namespace troupe::examples
