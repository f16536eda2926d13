#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/transport/http.hpp>

#include <functional>
#include <string>
#include <utility>

namespace troupe::transport {

/// Whether a client may have a WebSocket, decided before the upgrade is answered.
struct upgrade_decision {
  unsigned status = 0; ///< 0: it may; else the HTTP status of the refusal
  std::string text{};  ///< of the refusal
  /// Null: those of the token that was verified before, if there was one.
  actors::claims_ptr claims{};
  const char* label = "hook";       ///< metric label of the refusal
  unsigned retry_after_seconds = 0; ///< of a refusal that is not for long; 0: not told
  /// Of a 401: a secret was shown that is wrong. Who shows many of them has to wait (429). A
  /// request without `Authorization`, cookie, query or bearer subprotocol shows none and never
  /// counts.
  bool counts_as_guess = true;

  [[nodiscard]] static upgrade_decision accept(actors::claims_ptr claims = nullptr) {
    return {0, {}, std::move(claims)};
  }
  /// `status`: 400 to 599; any other is told as 500.
  [[nodiscard]] static upgrade_decision refuse(unsigned status, std::string text,
                                               const char* label = "hook") {
    return {status >= 400 && status <= 599 ? status : 500, std::move(text), nullptr, label};
  }
};

/// Decides about one upgrade request. Runs on the connection's loop: it must not block. What it
/// throws is answered 500.
///
/// Where tokens can be refreshed it is asked again at each `auth`, with the request of the
/// handshake and the new token in place of the old one (an `Authorization` header, if there was
/// none); what it says then replaces the claims, a refusal leaves them as they were. Each
/// connection keeps its request for that: at most `max_header_bytes`. Claims that it gives without
/// `expires_at` end with the token.
using upgrade_authorizer = std::function<upgrade_decision(const http_request&)>;

} // namespace troupe::transport
