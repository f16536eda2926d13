#pragma once

#include "server/http_settings.hpp"
#include "websocket/upgrade.hpp"

#include <troupe/actors/clock.hpp>
#include <troupe/protocol/result.hpp>

#include <string>
#include <string_view>

namespace troupe::transport {

/// What an admitted socket takes along to its WebSocket session.
struct admitted_upgrade {
  std::string subprotocol; ///< to echo; empty: none
  admission::lease lease;
  actors::connection_info info;
};

/// Why a request for an upgrade, or one that cannot be answered, was refused.
struct refused_request {
  unsigned status; ///< of HTTP
  std::string text;
  std::string_view label; ///< metric label
  http_headers headers = {};
};

/// The refusal (503) of an upgrade while no more connections are taken.
[[nodiscard]] refused_request too_many_connections(std::string_view label,
                                                   unsigned retry_after_seconds);

/// Asks the application, but for `authorize_later`, about a request for an upgrade, or for
/// something that only clients that may connect get. Counts wrong tokens of `client`; after too
/// many it has to wait (429). Throws only `std::bad_alloc`: an exception of the application becomes
/// a 500. Thread: any.
[[nodiscard]] upgrade_decision decide(http_settings& settings, const http_request& request,
                                      const boost::asio::ip::address& client,
                                      actors::steady_time now);

/// The headers that go with a refusal.
[[nodiscard]] http_headers headers_of(const upgrade_decision& refusal);

/// An upgrade that is well-formed and for a path of WebSockets, at a server that takes more.
struct wanted_upgrade {
  upgrade_verdict verdict;
  std::shared_ptr<actors::endpoint_state> endpoint; ///< null: the rooms
  boost::asio::ip::address client;
  http_request request; ///< empty if nobody looks at it
};

/// Looks at a request for an upgrade. `peer`: the socket's address. Thread: the connection's loop,
/// as for what follows.
[[nodiscard]] protocol::result<wanted_upgrade, refused_request> examine_upgrade(
  http_settings& settings, const http_request_message& message,
  const boost::asio::ip::address& peer);

/// Counts a refusal by the application, and wrong tokens of the client.
void note_refusal(http_settings& settings, const upgrade_decision& decision,
                  const http_request& request, const boost::asio::ip::address& client,
                  actors::steady_time now);

/// Takes a place for an upgrade about which the application has decided, if it has let the client
/// in. The caller counts refusals.
[[nodiscard]] protocol::result<admitted_upgrade, refused_request> admit_upgrade(
  http_settings& settings, const http_request_message& message, wanted_upgrade wanted,
  upgrade_decision decision, actors::steady_time now);

/// Decides about one upgrade: all of the above. Counts the application's refusals; the caller
/// counts all.
[[nodiscard]] protocol::result<admitted_upgrade, refused_request> admit_upgrade(
  http_settings& settings, const http_request_message& message,
  const boost::asio::ip::address& peer, actors::steady_time now);

/// The metric label of a refusal.
[[nodiscard]] inline const char* label_of(const upgrade_decision& refusal) noexcept {
  return refusal.label ? refusal.label : "hook";
}

} // namespace troupe::transport
