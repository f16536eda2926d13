#pragma once

#include "server/http_settings.hpp"
#include "websocket/upgrade.hpp"

#include <troupe/actors/clock.hpp>
#include <troupe/protocol/result.hpp>

#include <string>
#include <string_view>

namespace troupe::transport {

/// What a socket takes along that becomes a WebSocket.
struct admitted_upgrade {
  std::string subprotocol; ///< to echo; empty: none
  admission::lease lease;
  actors::connection_info info;
};

/// Why one does not.
struct refused_upgrade {
  unsigned status; ///< of HTTP
  std::string text;
  std::string_view label; ///< metric label
  http_headers headers = {};
};

/// Asks the application about a request: for an upgrade, or for what is served only to those who
/// may have one. Wrong tokens of `client` are counted, and once there are too many it has to wait
/// (429). Throws `std::bad_alloc` only: what the application throws is 500. Thread: any.
[[nodiscard]] upgrade_decision decide(http_settings& settings, const http_request& request,
                                      const boost::asio::ip::address& client,
                                      actors::steady_time now);

/// The headers that go with a refusal.
[[nodiscard]] http_headers headers_of(const upgrade_decision& refusal);

/// Decides about one upgrade: whether it is well-formed, its path is one for WebSockets, the node
/// takes more, the application lets the client in, and a place is free, which it takes. Asks and
/// counts the application's refusals; the caller counts all. `peer`: whose socket it is. Thread:
/// the connection's loop.
[[nodiscard]] protocol::result<admitted_upgrade, refused_upgrade> admit_upgrade(
  http_settings& settings, const http_request_message& message,
  const boost::asio::ip::address& peer, actors::steady_time now);

} // namespace troupe::transport
