#pragma once

#include "server/http_settings.hpp"

#include <memory>
#include <string_view>

namespace troupe::transport {

/// The request of a handshake as if it had carried `token`: wherever it carried one, else in an
/// `Authorization` header. Precondition: `is_bearer_token(token)`.
[[nodiscard]] http_request with_token(http_request request, std::string_view token);

/// Whether `token` is one as RFC 6750 (2.1) writes them, so that it can stand in a header, a list
/// and a query alike.
[[nodiscard]] bool is_bearer_token(std::string_view token) noexcept;

/// Decides at `auth` as at the handshake: the node's `verify_token` first, then `settings.confirm`,
/// if there is one, with the request of the handshake and the new token in place. Wrong tokens
/// count with those of the client's other ways in, and who has shown too many is told `overloaded`.
/// `settings`, where `verify_token` must be set, outlives the connection.
[[nodiscard]] std::shared_ptr<const actors::token_check> refresh_check(
  const http_settings& settings, http_request handshake);

} // namespace troupe::transport
