#pragma once

#include "http/file_worker.hpp"
#include "http/http_router.hpp"
#include "http/request_reader.hpp"
#include "net/admission.hpp"
#include "net/client_address.hpp"
#include "net/descriptors.hpp"
#include "net/handshake_rate.hpp"
#include "net/pending_sockets.hpp"
#include "tls/tls_context.hpp"
#include "websocket/websocket_session.hpp"

#include <troupe/actors/option_check.hpp>
#include <troupe/transport/authorize.hpp>
#include <troupe/transport/server.hpp>

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

/// A deadline that 0 lifts.
inline std::chrono::milliseconds or_never(std::chrono::milliseconds deadline) {
  return deadline > std::chrono::milliseconds{0} ? deadline : actors::option_check::longest_age;
}

/// What all HTTP sessions of one port share. Fixed while the server runs, but for its atomics.
struct http_settings {
  /// `o` outlives it.
  explicit http_settings(const server_options& o) : options(o) {}

  const server_options& options;

  // Limits and deadlines of `options`; what 0 lifts there is out of reach here.
  [[nodiscard]] std::size_t max_header_bytes() const { return or_most(options.max_header_bytes); }
  [[nodiscard]] std::size_t max_body_bytes() const { return or_most(options.max_body_bytes); }
  [[nodiscard]] request_reader::limits request_limits() const {
    return {max_header_bytes(), options.max_headers, max_body_bytes()};
  }
  [[nodiscard]] auto request_deadline() const { return or_never(options.handshake_deadline); }
  [[nodiscard]] auto keep_alive() const { return or_never(options.keep_alive); }
  [[nodiscard]] auto handler_deadline() const { return or_never(options.handler_deadline); }
  [[nodiscard]] auto tls_deadline() const { return or_never(options.tls_deadline); }

  const tls_context* tls = nullptr;           ///< of a port with TLS
  std::shared_ptr<handshake_rate> handshakes; ///< likewise
  std::vector<address_range> trusted_proxies;
  bool proxy_protocol = false; ///< trusted proxies start with a PROXY header
  http_router router;
  std::shared_ptr<file_worker> files;                      ///< null if the router has none
  std::map<std::string, websocket_route> websocket_routes; ///< by path; no other is accepted
  upgrade_authorizer authorize;                            ///< may be empty
  late_upgrade_authorizer authorize_later;                 ///< asked behind that; may be empty
  /// The part of `authorize` that is asked again at `auth`; may be empty.
  upgrade_authorizer confirm;
  session_settings sessions;
  std::shared_ptr<admission> admissions;
  std::shared_ptr<pending_sockets> pending;
  int descriptors_scarce_from = descriptor_shares::none; ///< see `descriptor_shares`
  std::atomic<bool> ready{false};                        ///< what `/readyz` says
  std::atomic<bool> closing{false}; ///< no more connections: each answer is the last on its socket
  /// Requests under way, from their first byte until their answer has left, and until nothing comes
  /// any more that would make the peer's system throw the answer away.
  std::atomic<int> under_way{0};

private:
  /// A bound of a part of a request, which 0 lifts.
  static std::size_t or_most(std::size_t bytes) { return bytes > 0 ? bytes : most_request_bytes; }
};

} // namespace troupe::transport
