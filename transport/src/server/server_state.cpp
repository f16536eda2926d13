#include <utility>

#include "server/server_state.hpp"

#include "auth/jwt_authorizer.hpp"
#include "observe/log.hpp"
#include "server/check_set_up.hpp"
#include "websocket/upgrade.hpp"

#include <troupe/actors/option_check.hpp>
#include <troupe/actors/own_thread.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::transport {

namespace {

constexpr std::size_t default_connections_per_ip = 100;
constexpr std::size_t default_pending_per_ip = 128;
constexpr double default_handshakes_per_ip = 20;

/// What files may hold of that budget of output: a quarter. 0: any, for both.
std::int64_t files_budget(std::int64_t output) noexcept {
  return output > 0 ? std::max<std::int64_t>(1, output / 4) : 0;
}

/// Reports a file that cannot be used like every other mistake of set-up.
std::unique_ptr<tls_context> make_tls(const server_options& options) {
  try {
    return std::make_unique<tls_context>(options.tls_certificates, options.tls_key,
                                         *options.node.clock);
  } catch (const tls_file_error& e) {
    actors::option_check is{"server_options"};
    is.that(false, e.is_key() ? "tls_key" : "tls_certificates", '"' + e.file() + '"', e.expected());
    throw;
  }
}

std::unique_ptr<const token_verifier> verifier_of(jwt_options options) {
  try {
    return make_jwt_verifier(std::move(options));
  } catch (const std::runtime_error& e) {
    constexpr std::string_view fields = "jwt_options.";
    std::string_view what = e.what();
    auto of_field = what.starts_with(fields);
    throw std::invalid_argument{
      std::string{of_field ? "server_options.jwt." : "server_options.jwt: "}.append(
        what.substr(of_field ? fields.size() : 0))};
  }
}

} // namespace

void server::state::set_up(caf::actor_system* system) {
  check_options(options);
  prepare_upgrades();
  if (options.raise_descriptor_limit)
    raise_descriptor_limit();
  if (!options.log) {
    own_log = make_stderr_logger(options.log_level);
    options.log = own_log.get();
  }
  options.node.log = options.log;
  options.node.counters = &counts;
  set_up_tokens();
  if (!options.tls_certificates.empty())
    tls = make_tls(options);
  if (!system) {
    actors::sigpipe_block inherited; // by CAF's threads
    own = std::make_unique<own_system>();
    system = &own->system;
  }
  node = std::make_unique<actors::node>(*system, options.node);
  for (unsigned i = 0; i < node->loops(); ++i)
    sockets.push_back(std::make_shared<std::atomic<std::size_t>>(0));
  for (unsigned i = 0; i < node->loops(); ++i)
    traffic.push_back(std::make_unique<loop_traffic>());
  configure_http();
  configure_sessions();
  configure_admin();
}

/// Upgrades and `auth` commands ask the same verifier, then the same hook.
void server::state::set_up_tokens() {
  http.authorize = options.authorize_upgrade;
  http.authorize_later = options.authorize_upgrade_later;
  http.confirm = options.authorize_upgrade;
  if (!options.jwt)
    return;
  auto leeway = options.jwt->leeway;
  std::shared_ptr<const token_verifier> verifier = verifier_of(std::move(*options.jwt));
  options.jwt.reset(); // the keys are the verifier's now
  for (auto& warning : verifier->warnings())
    options.log->write(protocol::log_level::warning, "jwt", warning);
  http.authorize =
    token_authorizer(verifier, leeway, *options.node.clock, options.authorize_upgrade);
  options.node.verify_token = [verifier, leeway](std::string_view token,
                                                 actors::wall_time now) -> actors::claims_ptr {
    auto verified = verifier->verify(token, now);
    return verified ? admitted(std::move(*verified), now, leeway) : nullptr;
  };
}

void server::state::configure_http() {
  http.tls = tls.get();
  http.websocket_routes.emplace(options.websocket_path, websocket_route{});
  http.proxy_protocol = options.proxy_protocol;
  for (auto& text : options.trusted_proxies) {
    auto range = address_range::parse(text);
    actors::option_check{"server_options"}.that(range.has_value(), "trusted_proxies",
                                                "\"" + text + "\"", "an address or a network");
    http.trusted_proxies.push_back(*range);
  }
  if (options.static_folder) {
    http.router.set_files(*options.static_folder,
                          std::make_shared<file_windows>(node->shared_output_meter(),
                                                         files_budget(node->stats().budget_bytes)));
    http.files = std::make_shared<file_worker>();
  }
  http.router.set_cors_origins(options.cors_origins);
  http.router.set_probes(probes_of(options.admin_bind.empty()));
  configure_limits();
}

/// Sets the limits of sockets, then those of WebSockets.
void server::state::configure_limits() {
  auto in_all = descriptor_limit();
  check_reserved(options, in_all);
  descriptors = share_descriptors(in_all, options.reserved_descriptors);
  http.descriptors_scarce_from = descriptors.scarce_from;
  pending_sockets::limits pending;
  pending.in_all = options.max_pending.value_or(descriptors.pending);
  pending.per_address = options.max_pending_per_ip.value_or(default_pending_per_ip);
  pending.count_loopback =
    options.max_pending_per_ip || options.max_connections_per_ip.value_or(0) > 0;
  http.pending = std::make_shared<pending_sockets>(pending, counts);
  handshake_rate::limits handshakes;
  handshakes.per_second = options.tls_handshakes_per_ip.value_or(default_handshakes_per_ip);
  handshakes.count_loopback =
    options.tls_handshakes_per_ip || options.max_connections_per_ip.value_or(0) > 0;
  http.handshakes = std::make_shared<handshake_rate>(handshakes);
  admin.pending = std::make_shared<pending_sockets>(
    pending_sockets::limits{descriptors.admin_pending, 0, false}, counts);
  admission::limits limits;
  limits.max_connections = options.max_connections.value_or(in_all / 10 * 8);
  limits.max_connections_per_ip =
    options.max_connections_per_ip.value_or(default_connections_per_ip);
  limits.count_loopback = options.max_connections_per_ip.value_or(0) > 0;
  limits.max_connections_per_user = options.max_connections_per_user;
  limits.per_second = options.admissions_per_second;
  http.admissions = std::make_shared<admission>(limits);
}

void server::state::configure_sessions() {
  auto max_message = options.node.messages.largest_message();
  auto& s = http.sessions;
  s.reader.limits.max_message_bytes = max_message;
  s.reader.limits.max_fragments = options.max_fragments.value_or(
    protocol::ws_limits::fragments_for(s.reader.limits.largest_message()));
  s.bounds.max_bytes = std::max(s.bounds.max_bytes, 4 * max_message);
  s.deadlines.assembly = or_never(options.assembly_deadline);
  s.deadlines.write = or_never(options.write_deadline);
  s.deadlines.close = or_never(options.close_deadline);
  s.deflate = options.deflate;
  s.node = node.get();
  inflaters = std::vector<protocol::ws_inflater>(node->loops());
  s.inflaters = inflaters;
  s.traffic = &traffic;
  parts.meter = &node->inbound_meter();
  parts.budget_bytes = node->stats().inbound_budget_bytes;
  for (unsigned i = 0; i < node->loops(); ++i)
    parts.loops.push_back(std::make_unique<inbound_parts>(parts, node->loop(i)));
  s.reader.parts = &parts;
  s.log = options.log;
  s.counters = &counts;
}

http_router::probes server::state::probes_of(bool shown) {
  return {shown, &http.ready, node.get(), std::string{metrics::content_type},
          [this] { return counts.text(node->stats(), traffic); }};
}

/// The probes' own port answers nothing else and takes no WebSocket.
void server::state::configure_admin() {
  admin.router.set_probes(probes_of(true));
  admin.sessions = http.sessions;
  admin.admissions = http.admissions;
  admin.ready = true;
}

} // namespace troupe::transport
