#pragma once

#include "http/http_message.hpp"

#include <optional>
#include <string_view>

namespace troupe::transport {

/// Why a request is refused, and its connection closed.
struct broken_rule {
  unsigned status; ///< of HTTP
  std::string_view text;
  std::string_view label; ///< metric label
};

/// The rule of HTTP that the header of a request breaks, of those that Beast leaves to its user;
/// nothing if it breaks none. They keep both sides of a proxy agreed on where a request ends, and
/// on whom and what it is for.
///
/// Source: RFC 9112, 3.2 (`Host`, forms of a target), 6.1 and 6.3 (`Transfer-Encoding`); RFC 9110,
/// 4.2.1 (no host), 10.1.1 (`Expect`).
[[nodiscard]] std::optional<broken_rule> rule_broken_by(const http_request_message& request);

/// Whether its client waits for `100 Continue` before it sends the body.
[[nodiscard]] bool awaits_continue(const http_request_message& request);

/// Whether it asks for an `https` resource by its target, which only TLS, or a trusted proxy, may
/// do (RFC 9110, 7.4).
[[nodiscard]] bool is_for_https(const http_request_message& request) noexcept;

/// Whether its client keeps the connection open behind the answer (RFC 9112, 9.3).
[[nodiscard]] bool persists(const http_request_message& request);

} // namespace troupe::transport
