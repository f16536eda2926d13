#pragma once

#include "server/http_settings.hpp"

#include <memory>
#include <string_view>

namespace troupe::transport {

/// Returns a handshake's request with `token` in each place where it carried a token, else in an
/// `Authorization` header. Precondition: `is_bearer_token(token)`.
[[nodiscard]] http_request with_token(http_request request, std::string_view token);

/// Whether `token` has the form of RFC 6750 (2.1), so that it can stand in a header, a list and a
/// query.
[[nodiscard]] bool is_bearer_token(std::string_view token) noexcept;

/// Makes a check that decides at `auth` as at the handshake: it asks the node's `verify_token`,
/// then `settings.confirm`, if there is one, with the handshake's request and the new token in it.
/// Wrong tokens count together with all others of the client; a client that has shown too many is
/// told `overloaded`. Precondition: the node has a `verify_token`. `settings` outlives the
/// connection.
[[nodiscard]] std::shared_ptr<const actors::token_check> refresh_check(
  const http_settings& settings, http_request handshake);

} // namespace troupe::transport
