#include <utility>

#include "server/upgrade_admission.hpp"

#include "http/http_message.hpp"
#include "server/token_refresh.hpp"
#include "text/http_text.hpp"

#include <algorithm>
#include <optional>

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

/// Why no upgrade is taken now; nothing if one is.
std::optional<refused_request> reason_to_wait(const http_settings& settings) {
  if (settings.closing.load(std::memory_order_relaxed))
    return refused_for_now("This server is stopping.", "draining", 5);
  if (settings.sessions.node->overloaded())
    return refused_for_now("This server is overloaded.", "overloaded", 5);
  return std::nullopt;
}

/// Of clients about whom somebody decides later: nobody could be asked about another token.
std::shared_ptr<const actors::token_check> no_refresh() {
  return std::make_shared<const actors::token_check>([](std::string_view, actors::wall_time) {
    return actors::token_decision{nullptr, protocol::errc::unsupported,
                                  "This server takes no other token."};
  });
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
    return settings.authorize ? settings.authorize(request) : upgrade_decision::accept();
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
void make_endpoints(admitted_upgrade& admitted, std::shared_ptr<actors::endpoint_state> endpoint,
                    const http_request_message& message, http_request request) {
  admitted.info.endpoint = std::move(endpoint);
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
  if (!settings.authorize && !settings.authorize_later)
    return {};
  if (auto seconds = settings.admissions->seconds_to_next_try(client, now)) {
    auto decision = upgrade_decision::refuse(429, "Too many tokens were refused.", "throttled");
    decision.retry_after_seconds = seconds;
    settings.sessions.counters->count(protocol::counter::auth_failures, label_of(decision));
    return decision;
  }
  auto decision = ask(settings, request);
  note_refusal(settings, decision, request, client, now);
  return decision;
}

void note_refusal(http_settings& settings, const upgrade_decision& decision,
                  const http_request& request, const boost::asio::ip::address& client,
                  actors::steady_time now) {
  if (decision.status == 401 && decision.counts_as_guess && shows_a_secret(request))
    settings.admissions->note_refused_token(client, now);
  if (decision.status != 0)
    settings.sessions.counters->count(protocol::counter::auth_failures, label_of(decision));
}

http_headers headers_of(const upgrade_decision& refusal) {
  http_headers headers;
  if (refusal.status == 401)
    headers.emplace_back("WWW-Authenticate", "Bearer");
  if (refusal.retry_after_seconds > 0)
    headers.emplace_back("Retry-After", std::to_string(refusal.retry_after_seconds));
  return headers;
}

protocol::result<wanted_upgrade, refused_request> examine_upgrade(
  http_settings& settings, const http_request_message& message,
  const boost::asio::ip::address& peer) {
  auto verdict = check_upgrade(message, settings.options.origins);
  if (verdict.status != 101)
    return refused(verdict);
  auto target = message.target();
  auto path = decode_path({target.data(), target.size()});
  auto route = path ? settings.websocket_routes.find(*path) : settings.websocket_routes.end();
  if (route == settings.websocket_routes.end())
    return refused_request{404, "There is no WebSocket at this path.", "path"};
  if (auto why = reason_to_wait(settings))
    return *why;
  wanted_upgrade wanted{std::move(verdict),
                        route->second.endpoint,
                        client_of(message, peer, settings.trusted_proxies),
                        {}};
  if (settings.authorize || settings.authorize_later || wanted.endpoint)
    wanted.request = request_of(message, std::move(*path), wanted.client);
  return wanted;
}

protocol::result<admitted_upgrade, refused_request> admit_upgrade(
  http_settings& settings, const http_request_message& message, wanted_upgrade wanted,
  upgrade_decision decision, actors::steady_time now) {
  if (decision.status != 0)
    return refused_request{decision.status, decision.text, "auth", headers_of(decision)};
  if (auto why = reason_to_wait(settings)) // again: the decision may have come late
    return *why;
  auto user = decision.claims ? std::string_view{decision.claims->subject} : std::string_view{};
  auto lease = admission::admit(settings.admissions, wanted.client, now, user);
  if (!lease)
    return too_many_connections(lease.error().reason, lease.error().retry_after_seconds);
  admitted_upgrade admitted{std::move(wanted.verdict.subprotocol), std::move(*lease), {}};
  admitted.info.encoding = wanted.verdict.encoding;
  admitted.info.may_resume = wanted.verdict.may_resume;
  admitted.info.claims = std::move(decision.claims);
  admitted.info.address = settings.admissions->mark_of(wanted.client);
  if (wanted.endpoint)
    make_endpoints(admitted, std::move(wanted.endpoint), message, std::move(wanted.request));
  else if (settings.authorize_later)
    admitted.info.check_token = no_refresh();
  else if (settings.sessions.node->options().verify_token)
    admitted.info.check_token = refresh_check(
      settings, settings.confirm ? std::move(wanted.request) : request_from(wanted.client));
  return admitted;
}

protocol::result<admitted_upgrade, refused_request> admit_upgrade(
  http_settings& settings, const http_request_message& message,
  const boost::asio::ip::address& peer, actors::steady_time now) {
  auto wanted = examine_upgrade(settings, message, peer);
  if (!wanted)
    return wanted.error();
  auto decision = decide(settings, wanted->request, wanted->client, now);
  return admit_upgrade(settings, message, std::move(*wanted), std::move(decision), now);
}

} // namespace troupe::transport
