#pragma once

#include "http/http_message.hpp"

#include <troupe/protocol/codec.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// Whether a request asks for a WebSocket and how it is answered.
struct upgrade_verdict {
  unsigned status = 101;   ///< or 400, 403, 426
  std::string_view reason; ///< for a person, if refused
  std::string_view label;  ///< metric label, if refused
  bool may_resume = false; ///< its first command may be a `resume`
  std::string subprotocol; ///< to echo; empty: none
  protocol::encoding encoding = protocol::encoding::plain_json;
};

/// Whether the request means to be an upgrade, well-formed or not: it has an `Upgrade` header that
/// names websocket, which means nothing in HTTP/1.0 (RFC 9110, 7.8).
[[nodiscard]] bool wants_upgrade(const http_request_message& request);

/// Checks all that RFC 6455 (4.2.1) asks of an upgrade, the origin (if `origins` is not empty), and
/// chooses the subprotocol.
[[nodiscard]] upgrade_verdict check_upgrade(const http_request_message& request,
                                            const std::vector<std::string>& origins);

/// Fetches from OpenSSL what each upgrade needs, so that no upgrade can fail to get it for want of
/// memory. Errors: `std::runtime_error`.
void prepare_upgrades();

/// The answer that opens a WebSocket (RFC 6455, 4.2.2). `subprotocol`, `extensions`: empty: none.
/// Precondition: the request has passed `check_upgrade`.
[[nodiscard]] std::string switching_protocols(const http_request_message& request,
                                              std::string_view subprotocol,
                                              std::string_view extensions = {});

/// Whether a `Sec-WebSocket-Key` is the base64 of 16 bytes.
[[nodiscard]] bool is_websocket_key(std::string_view key) noexcept;

/// Whether a list header (values separated by commas) holds `element`; case does not matter.
[[nodiscard]] bool has_list_element(std::string_view list, std::string_view element);

} // namespace troupe::transport
