#pragma once

#include <string>

namespace troupe::actors {

/// 132 random bits from the operating system as 22 characters of the URL-safe base64 alphabet.
[[nodiscard]] std::string random_id();

} // namespace troupe::actors
