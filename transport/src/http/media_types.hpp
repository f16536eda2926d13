#pragma once

#include <string_view>

namespace troupe::transport {

/// The media type of a file, by the ending of its name, whatever its case; of another ending
/// `application/octet-stream`. `name` may be a path.
[[nodiscard]] std::string_view media_type_of(std::string_view name) noexcept;

} // namespace troupe::transport
