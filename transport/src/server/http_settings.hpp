#pragma once

#include "http/http_router.hpp"
#include "net/admission.hpp"
#include "net/client_address.hpp"
#include "net/descriptors.hpp"
#include "net/pending_sockets.hpp"
#include "tls/tls_context.hpp"
#include "websocket/websocket_session.hpp"

#include <troupe/transport/authorize.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::transport {

/// The largest header, and the largest body, of a request that has no limit.
inline constexpr std::size_t most_request_bytes = std::size_t{1} << 30;

/// What answers the WebSockets of one path.
struct websocket_route {
  std::shared_ptr<actors::endpoint_state> endpoint; ///< null: the rooms
};

/// What all HTTP sessions of one port share. Fixed while the server runs, but for its atomics.
struct http_settings {
  /// Those of `server_options`, which has the defaults; what 0 lifts there is out of reach here.
  std::size_t max_header_bytes = 0;
  std::size_t max_headers = 0; ///< 0: any number
  std::size_t max_body_bytes = 0;
  std::chrono::milliseconds request_deadline{};
  std::chrono::milliseconds handler_deadline{}; ///< for an answer that is given later
  std::chrono::milliseconds tls_deadline{};
  const tls_context* tls = nullptr; ///< of a port with TLS
  std::vector<std::string> origins;
  std::vector<address_range> trusted_proxies;
  bool proxy_protocol = false; ///< trusted proxies start with a PROXY header
  http_router router;
  std::map<std::string, websocket_route> websocket_routes; ///< by path; no other is accepted
  upgrade_authorizer authorize;                            ///< may be empty
  /// The part of `authorize` that is asked again at `auth`; may be empty.
  upgrade_authorizer confirm;
  session_settings sessions;
  std::shared_ptr<admission> admissions;
  std::shared_ptr<pending_sockets> pending;
  int descriptors_scarce_from = descriptor_shares::none; ///< see `descriptor_shares`
  std::atomic<bool> ready{false};                        ///< what `/readyz` says
  std::atomic<bool> closing{false}; ///< no more connections: each answer is the last on its socket
  /// Requests under way, from their header to the end of the answer.
  std::atomic<int> answering{0};
};

} // namespace troupe::transport
