#pragma once

#include <troupe/transport/authorize.hpp>
#include <troupe/transport/jwt.hpp>

#include <chrono>
#include <memory>

namespace troupe::transport {

/// Lets in who carries a valid token; `then`, which may be empty, decides about them once more and
/// may give other claims.
///
/// Refusals: 401 `Unauthorized` without a token, 401 `Invalid token` with one that is not taken,
/// 400 if it cannot be told which is meant.
[[nodiscard]] upgrade_authorizer token_authorizer(std::shared_ptr<const token_verifier> verifier,
                                                  std::chrono::seconds leeway,
                                                  const actors::loop_clock& clock,
                                                  upgrade_authorizer then);

/// Asks `then`, which may be empty, about a request whose token proved `proved`; what it says
/// holds. Claims of its own that name no end end with the token.
[[nodiscard]] upgrade_decision confirmed(const upgrade_authorizer& then,
                                         const http_request& request, actors::claims_ptr proved);

/// What a token that was just taken gives: one that has expired within the leeway holds until that
/// is over.
[[nodiscard]] actors::claims_ptr admitted(claims verified, wall_time now,
                                          std::chrono::seconds leeway);

} // namespace troupe::transport
