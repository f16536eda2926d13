#pragma once

#include <troupe/transport/authorize.hpp>
#include <troupe/transport/jwt.hpp>

#include <chrono>
#include <memory>

namespace troupe::transport {

/// Makes an authorizer that accepts requests with a valid token. `then`, which may be empty,
/// decides about those next and may give other claims.
///
/// Refusals: 401 `Unauthorized` without a token, 401 `Invalid token` with one that is not valid,
/// and those of `token_from`.
[[nodiscard]] upgrade_authorizer token_authorizer(std::shared_ptr<const token_verifier> verifier,
                                                  std::chrono::seconds leeway,
                                                  const actors::loop_clock& clock,
                                                  upgrade_authorizer then);

/// Asks `then`, which may be empty, about a request whose token has proved the claims `proved`; its
/// decision holds. Claims of its own without `expires_at` end with the token.
[[nodiscard]] upgrade_decision confirmed(const upgrade_authorizer& then,
                                         const http_request& request, actors::claims_ptr proved);

/// Makes a decision about a request whose token has proved the claims `proved` (null: it had none)
/// hold: without claims of its own it gives those, and its own end with the token.
[[nodiscard]] upgrade_decision within(upgrade_decision decision, actors::claims_ptr proved);

/// The claims of a token that was just verified. If it has expired within the leeway, they hold
/// until the leeway is over.
[[nodiscard]] actors::claims_ptr admitted(claims verified, wall_time now,
                                          std::chrono::seconds leeway);

} // namespace troupe::transport
