#include <utility>

#include "upgrade_admission.hpp"

#include "http_message.hpp"
#include "http_text.hpp"
#include "token_refresh.hpp"

namespace troupe::transport {

namespace {

refused_upgrade refused(const upgrade_verdict& verdict) {
  refused_upgrade r{verdict.status, std::string{verdict.reason}, verdict.label};
  if (verdict.status == 426)
    r.headers.emplace_back("Sec-WebSocket-Version", "13");
  return r;
}

refused_upgrade refused(const upgrade_decision& decision) {
  refused_upgrade r{decision.status, decision.text, "auth"};
  if (decision.status == 401)
    r.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (decision.retry_after_seconds > 0)
    r.headers.emplace_back("Retry-After", std::to_string(decision.retry_after_seconds));
  return r;
}

refused_upgrade refused_for_now(std::string text, std::string_view label, unsigned retry_after_seconds) {
  return {503, std::move(text), label, {{"Retry-After", std::to_string(retry_after_seconds)}}};
}

/// Asks the application; whoever has too many tokens refused has to wait.
upgrade_decision authorize(http_settings& settings, const http_request& request, const boost::asio::ip::address& client,
                           actors::steady_time now) {
  if (!settings.authorize)
    return {};
  upgrade_decision decision;
  if (auto seconds = settings.admissions->seconds_to_next_try(client, now)) {
    decision = upgrade_decision::refuse(429, "Too many tokens were refused.", "throttled");
    decision.retry_after_seconds = seconds;
  } else {
    try {
      decision = settings.authorize(request);
    } catch (...) {
      protocol::report_exception(*settings.sessions.log, *settings.sessions.counters, "authorize_upgrade");
      decision = upgrade_decision::refuse(500, "This server has failed.");
    }
    if (decision.status == 401)
      settings.admissions->note_refused_token(client, now);
  }
  if (decision.status != 0)
    settings.sessions.counters->count(protocol::counter::auth_failures, decision.label);
  return decision;
}

/// What an endpoint's connection differs in: it knows its request and speaks no subprotocol of ours.
void make_endpoints(admitted_upgrade& admitted, const websocket_place& place, const http_request_message& message, http_request request) {
  admitted.info.endpoint = place.endpoint;
  admitted.info.request = std::make_shared<const actors::handshake>(
    actors::handshake{std::move(request.target), std::move(request.headers), std::move(request.remote_address)});
  if (list_header(message, "Sec-WebSocket-Protocol").find("troupe.bearer.") == std::string::npos)
    admitted.subprotocol.clear(); // a browser that carries its token there needs an answer
  admitted.info.encoding = protocol::encoding::plain_json;
}

} // namespace

protocol::result<admitted_upgrade, refused_upgrade> admit_upgrade(http_settings& settings, const http_request_message& message,
                                                                  const boost::asio::ip::address& peer, actors::steady_time now) {
  auto verdict = check_upgrade(message, settings.origins);
  if (verdict.status != 101)
    return refused(verdict);
  auto target = message.target();
  auto path = decode_path({target.data(), target.size()});
  auto place = path ? settings.places.find(*path) : settings.places.end();
  if (place == settings.places.end())
    return refused_upgrade{404, "There is no WebSocket at this path.", "path"};
  if (!settings.ready.load(std::memory_order_relaxed))
    return refused_for_now("This server is stopping.", "draining", 5);
  if (settings.sessions.node->overloaded())
    return refused_for_now("This server is overloaded.", "overloaded", 5);
  auto is_looked_at = settings.authorize || place->second.endpoint;
  auto client = client_of(message, peer, settings.trusted_proxies);
  auto request = is_looked_at ? request_of(message, std::move(*path), client) : http_request{};
  auto decision = authorize(settings, request, client, now);
  if (decision.status != 0)
    return refused(decision);
  auto user = decision.claims ? std::string_view{decision.claims->subject} : std::string_view{};
  auto lease = admission::admit(settings.admissions, client, now, user);
  if (!lease)
    return refused_for_now("There are too many connections.", lease.error().reason, lease.error().retry_after_seconds);
  admitted_upgrade admitted{std::move(verdict.subprotocol), std::move(*lease), {}};
  admitted.info.encoding = verdict.encoding;
  admitted.info.claims = std::move(decision.claims);
  if (place->second.endpoint)
    make_endpoints(admitted, place->second, message, std::move(request));
  else if (settings.confirm && settings.sessions.node->options().verify_token)
    admitted.info.check_token = refresh_check(settings, std::move(request));
  return admitted;
}

} // namespace troupe::transport
