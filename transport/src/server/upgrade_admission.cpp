#include <utility>

#include "server/upgrade_admission.hpp"

#include "http/http_message.hpp"
#include "server/token_refresh.hpp"
#include "text/http_text.hpp"

#include <algorithm>

namespace troupe::transport {

namespace {

refused_request refused(const upgrade_verdict& verdict) {
  refused_request r{verdict.status, std::string{verdict.reason}, verdict.label};
  if (verdict.status == 426) // which names what to upgrade to (RFC 9110, 15.5.22)
    r.headers = {
      {"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"}};
  return r;
}

refused_request refused_for_now(std::string text, std::string_view label,
                                unsigned retry_after_seconds) {
  return {503, std::move(text), label, {{"Retry-After", std::to_string(retry_after_seconds)}}};
}

/// Whether anything in a request could be a secret.
bool shows_a_secret(const http_request& request) {
  return !request.header("Authorization").empty() || !request.header("Cookie").empty()
      || request.target.find('?') != std::string::npos
      || std::any_of(request.headers.begin(), request.headers.end(), [](auto& h) {
           return equal_ignoring_case(h.first, "Sec-WebSocket-Protocol")
               && h.second.find("troupe.bearer.") != std::string::npos;
         });
}

upgrade_decision ask(http_settings& settings, const http_request& request) {
  try {
    return settings.authorize(request);
  } catch (...) {
    protocol::report_exception(*settings.sessions.log, *settings.sessions.counters,
                               "authorize_upgrade");
    return upgrade_decision::refuse(500, "This server has failed.");
  }
}

/// The only part of a request that is needed if nobody asks about it again.
http_request request_from(const boost::asio::ip::address& client) {
  http_request request;
  request.remote_address = client.to_string();
  return request;
}

/// Makes `admitted` an endpoint's: such a connection knows its request and speaks no subprotocol of
/// ours.
void make_endpoints(admitted_upgrade& admitted, const websocket_route& route,
                    const http_request_message& message, http_request request) {
  admitted.info.endpoint = route.endpoint;
  admitted.info.request = std::make_shared<const actors::handshake>(actors::handshake{
    std::move(request.target), std::move(request.headers), std::move(request.remote_address)});
  if (list_header(message, "Sec-WebSocket-Protocol").find("troupe.bearer.") == std::string::npos)
    admitted.subprotocol.clear(); // a browser that carries its token there needs an answer
  admitted.info.encoding = protocol::encoding::plain_json;
}

} // namespace

refused_request too_many_connections(std::string_view label, unsigned retry_after_seconds) {
  return refused_for_now("There are too many connections.", label, retry_after_seconds);
}

upgrade_decision decide(http_settings& settings, const http_request& request,
                        const boost::asio::ip::address& client, actors::steady_time now) {
  if (!settings.authorize)
    return {};
  upgrade_decision decision;
  if (auto seconds = settings.admissions->seconds_to_next_try(client, now)) {
    decision = upgrade_decision::refuse(429, "Too many tokens were refused.", "throttled");
    decision.retry_after_seconds = seconds;
  } else {
    decision = ask(settings, request);
    if (decision.status == 401 && decision.counts_as_guess && shows_a_secret(request))
      settings.admissions->note_refused_token(client, now);
  }
  if (decision.status != 0)
    settings.sessions.counters->count(protocol::counter::auth_failures, label_of(decision));
  return decision;
}

http_headers headers_of(const upgrade_decision& refusal) {
  http_headers headers;
  if (refusal.status == 401)
    headers.emplace_back("WWW-Authenticate", "Bearer");
  if (refusal.retry_after_seconds > 0)
    headers.emplace_back("Retry-After", std::to_string(refusal.retry_after_seconds));
  return headers;
}

protocol::result<admitted_upgrade, refused_request> admit_upgrade(
  http_settings& settings, const http_request_message& message,
  const boost::asio::ip::address& peer, actors::steady_time now) {
  auto verdict = check_upgrade(message, settings.options.origins);
  if (verdict.status != 101)
    return refused(verdict);
  auto target = message.target();
  auto path = decode_path({target.data(), target.size()});
  auto route = path ? settings.websocket_routes.find(*path) : settings.websocket_routes.end();
  if (route == settings.websocket_routes.end())
    return refused_request{404, "There is no WebSocket at this path.", "path"};
  if (settings.closing.load(std::memory_order_relaxed))
    return refused_for_now("This server is stopping.", "draining", 5);
  if (settings.sessions.node->overloaded())
    return refused_for_now("This server is overloaded.", "overloaded", 5);
  auto is_looked_at = settings.authorize || route->second.endpoint;
  auto client = client_of(message, peer, settings.trusted_proxies);
  auto request = is_looked_at ? request_of(message, std::move(*path), client) : http_request{};
  auto decision = decide(settings, request, client, now);
  if (decision.status != 0)
    return refused_request{decision.status, decision.text, "auth", headers_of(decision)};
  auto user = decision.claims ? std::string_view{decision.claims->subject} : std::string_view{};
  auto lease = admission::admit(settings.admissions, client, now, user);
  if (!lease)
    return too_many_connections(lease.error().reason, lease.error().retry_after_seconds);
  admitted_upgrade admitted{std::move(verdict.subprotocol), std::move(*lease), {}};
  admitted.info.encoding = verdict.encoding;
  admitted.info.may_resume = verdict.may_resume;
  admitted.info.claims = std::move(decision.claims);
  admitted.info.address = settings.admissions->mark_of(client);
  if (route->second.endpoint)
    make_endpoints(admitted, route->second, message, std::move(request));
  else if (settings.sessions.node->options().verify_token)
    admitted.info.check_token =
      refresh_check(settings, settings.confirm ? std::move(request) : request_from(client));
  return admitted;
}

} // namespace troupe::transport
