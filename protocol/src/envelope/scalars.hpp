#pragma once

#include <troupe/protocol/metadata.hpp>

#include <optional>
#include <string_view>

namespace troupe::protocol {

/// A validated value as a scalar; nothing if it is none (null, bytes, a list, a map) or absent.
[[nodiscard]] std::optional<scalar> read_scalar(codec source, std::string_view raw);

} // namespace troupe::protocol
