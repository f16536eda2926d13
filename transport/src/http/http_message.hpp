#pragma once

#include "net/client_address.hpp"

#include <troupe/protocol/event.hpp>
#include <troupe/transport/http.hpp>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <string>
#include <string_view>
#include <vector>

// Conversions between Beast's messages and those that handlers see.

namespace troupe::transport {

using http_request_message = boost::beast::http::request<boost::beast::http::string_body>;
using http_response_message = boost::beast::http::response<boost::beast::http::string_body>;

/// All values of a list header as one list.
[[nodiscard]] std::string list_header(const http_request_message& message, std::string_view name);
[[nodiscard]] std::string list_header(const http_headers& headers, std::string_view name);

[[nodiscard]] bool has_header(const http_headers& headers, std::string_view name) noexcept;

/// The client that sent a request: the one that a trusted proxy names, else `peer`.
[[nodiscard]] boost::asio::ip::address client_of(const http_request_message& message,
                                                 const boost::asio::ip::address& peer,
                                                 const std::vector<address_range>& trusted_proxies);

/// A request as handlers see it. `path`: decoded. Of a target that names its host, that is the
/// value of `Host` (RFC 9112, 3.2.2).
[[nodiscard]] http_request request_of(const http_request_message& message, std::string path,
                                      const boost::asio::ip::address& client);

/// Whether an answer goes without its body: to `HEAD` (`head`), or by its status (RFC 9110, 6.4.1).
[[nodiscard]] bool is_bodiless(const http_response& response, bool head) noexcept;

/// Why an answer of the application cannot be sent; empty if it can. Its status has to be a final
/// one, its headers have to be legal: a line break in a value would let whoever chose it add
/// headers, and other control characters may do harm where they are shown (RFC 9110, 5.5 and 15).
[[nodiscard]] std::string fault_of(const http_response& response);

/// An answer as it is sent, with the headers that the server adds. `head`: it answers `HEAD`; if it
/// has no body, it tells no length: that of the answer to GET may be another (RFC 9110, 8.6).
[[nodiscard]] http_response_message message_of(http_response response, bool head, bool keep_alive,
                                               protocol::wall_time now);

/// The status line and the headers as they are sent, with the empty line behind them.
[[nodiscard]] std::string head_of(const http_response_message& message);

} // namespace troupe::transport
