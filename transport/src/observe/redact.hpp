#pragma once

#include <string>
#include <string_view>

namespace troupe::transport {

/// A copy of a target, a header or a line in which `[redacted]` stands for each token: the value
/// behind `Bearer `, behind `troupe.bearer.`, behind a key that ends in `token` (also escaped, as
/// part of an escaped URL), and whatever looks like a JSON web token. Case does not matter. Hides
/// too much rather than too little. Cost: linear.
[[nodiscard]] std::string redact(std::string_view text);

} // namespace troupe::transport
