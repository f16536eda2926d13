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

/// A path at which WebSockets are accepted.
struct websocket_place {
  std::shared_ptr<actors::endpoint_state> endpoint; ///< null: the rooms
};

/// What all HTTP sessions of one port share. Fixed while the server runs, but for its atomics.
struct http_settings {
  std::size_t max_header_bytes = 8 * 1024;
  std::size_t max_headers = 100;
  std::size_t max_body_bytes = 64 * 1024;
  std::chrono::milliseconds request_deadline{10'000};
  std::chrono::milliseconds handler_deadline{5'000}; ///< for an answer that is given later
  std::chrono::milliseconds tls_deadline{5'000};
  const tls_context* tls = nullptr; ///< of a port with TLS
  std::vector<std::string> origins;
  std::vector<address_range> trusted_proxies;
  bool proxy_protocol = false; ///< trusted proxies start with a PROXY header
  http_router router;
  std::map<std::string, websocket_place> places; ///< where WebSockets are accepted, by path
  upgrade_authorizer authorize;                  ///< may be empty
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
