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
  /// Null: the claims of the token that was verified before, if there was one.
  actors::claims_ptr claims{};
  const char* label = "hook"; ///< metric label of the refusal; outlives the server. Null: "hook"
  unsigned retry_after_seconds = 0; ///< of a passing refusal; 0: not told
  /// Of a 401: the request showed a wrong secret. A client that shows many has to wait (429). A
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

/// Decides about one upgrade request, after its token: `request.claims` are what that has proved.
/// Runs on the connection's loop: it must not block. An exception is answered with 500.
///
/// If tokens can be refreshed, it is asked again at each `auth`, with the request of the handshake.
/// The new token stands there in place of the old one, or in an `Authorization` header if there was
/// none. The claims that it gives replace the old ones; a refusal leaves those unchanged. Each
/// connection keeps its request for that: at most `max_header_bytes`. Claims without `expires_at`
/// end with the token.
using upgrade_authorizer = std::function<upgrade_decision(const http_request&)>;

} // namespace troupe::transport
