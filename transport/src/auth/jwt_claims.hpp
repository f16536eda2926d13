#pragma once

#include <troupe/protocol/result.hpp>
#include <troupe/transport/jwt.hpp>

#include <string>

namespace troupe::transport {

/// Reads the claims from the payload of a token whose signature is good, and checks them against
/// the options. Ignores the keys in `options`.
[[nodiscard]] protocol::result<claims, auth_failure> read_jwt_claims(std::string json,
                                                                     const jwt_options& options,
                                                                     wall_time now);

} // namespace troupe::transport
