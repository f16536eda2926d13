#pragma once

#include <cstddef>
#include <string>

namespace troupe::actors {

inline constexpr std::size_t random_id_bytes = 22;

/// 132 random bits from the operating system as 22 characters of the URL-safe base64 alphabet.
[[nodiscard]] std::string random_id();

} // namespace troupe::actors
