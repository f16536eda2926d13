#pragma once

#include <troupe/protocol/result.hpp>
#include <troupe/transport/jwt.hpp>

#include <string>
#include <string_view>

namespace troupe::transport {

/// What a token's header says about how to check it.
struct jwt_header {
  jwt_algorithm algorithm = jwt_algorithm::hs256;
  std::string kid; ///< empty: it names no key
};

/// Reads and checks the header of an unverified token. Errors: `malformed`, `header`, `algorithm`,
/// `key` (a `kid` that cannot be one).
[[nodiscard]] protocol::result<jwt_header, auth_failure> read_jwt_header(std::string_view json);

/// Whether `kid` may name a key: 1 to 128 printable ASCII characters, no space.
[[nodiscard]] bool is_kid(std::string_view kid) noexcept;

} // namespace troupe::transport
