#pragma once

#include <troupe/protocol/result.hpp>
#include <troupe/transport/jwt.hpp>

#include <string>

namespace troupe::transport {

/// Holds the payload of a token, whose signature is good, to the options. Keys in `options` do not
/// matter.
[[nodiscard]] protocol::result<claims, auth_failure> read_jwt_claims(std::string json,
                                                                     const jwt_options& options,
                                                                     wall_time now);

} // namespace troupe::transport
