#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/transport/http.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
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

/// Decides about one upgrade later. All copies stand for the same decision; the first one counts.
/// If the last copy goes without one, the client gets 500 at once. A decision that comes after
/// `server_options::handler_deadline` (the client has got 504), after the connection or after the
/// server has ended has no effect. Thread: any.
class upgrade_reply {
public:
  /// Where a decision goes.
  class receiver {
  public:
    virtual ~receiver() = default;
    virtual void take(upgrade_decision decision) = 0;
  };

  /// Throws `std::invalid_argument` for null.
  explicit upgrade_reply(std::shared_ptr<receiver> to) : to_(std::move(to)) {
    if (!to_)
      throw std::invalid_argument{"upgrade_reply: a decision for nobody"};
  }

  /// Throws `std::bad_alloc` if there is no memory to pass it on; then nothing was decided.
  void send(upgrade_decision decision) const { to_->take(std::move(decision)); }

private:
  std::shared_ptr<receiver> to_;
};

/// As `upgrade_authorizer`, but the decision may come later and from any thread. Meanwhile nothing
/// more is read from the client, and its socket counts among those that are no WebSockets yet:
/// `server_options::max_pending` and `max_pending_per_ip` bound how many may wait, and the one that
/// has waited longest gives way. Places and limits are looked at once it is let in. An exception is
/// answered with 500, unless the hook has decided before. Tokens cannot be refreshed by clients
/// that it has let in: an `auth` is `unsupported`.
using late_upgrade_authorizer = std::function<void(const http_request&, upgrade_reply)>;

} // namespace troupe::transport
