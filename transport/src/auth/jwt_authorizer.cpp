#include "auth/jwt_authorizer.hpp"

#include "auth/token_carrier.hpp"
#include "text/http_text.hpp"

#include <utility>

namespace troupe::transport {

namespace {

protocol::result<carried_token, carrier_refusal> token_of(const http_request& request,
                                                          bool takes_query_token) {
  std::vector<std::string_view> authorization;
  std::vector<std::string_view> subprotocols;
  for (auto& [name, value] : request.headers) {
    if (equal_ignoring_case(name, "Authorization"))
      authorization.emplace_back(value);
    if (equal_ignoring_case(name, "Sec-WebSocket-Protocol"))
      for (auto offer : list_elements(value))
        subprotocols.push_back(offer);
  }
  auto query = std::string_view{request.target}.substr(
    std::min(request.target.find('?'), request.target.size()));
  return token_from({authorization, subprotocols, query}, takes_query_token);
}

/// Refuses a request whose token was not verified. That is no guess: nobody learns from it which
/// tokens are good.
upgrade_decision not_looked_at(unsigned status, std::string text, const char* label) {
  auto decision = upgrade_decision::refuse(status, std::move(text), label);
  decision.counts_as_guess = false;
  return decision;
}

http_request with_claims(http_request request, actors::claims_ptr proved) {
  request.claims = std::move(proved);
  return request;
}

} // namespace

actors::claims_ptr admitted(claims verified, wall_time now, std::chrono::seconds leeway) {
  if (verified.expires_at && *verified.expires_at <= now)
    verified.expires_at = *verified.expires_at + leeway;
  return std::make_shared<const claims>(std::move(verified));
}

upgrade_decision confirmed(const upgrade_authorizer& then, const http_request& request,
                           actors::claims_ptr proved) {
  return within(then ? then(with_claims(request, proved)) : upgrade_decision::accept(), proved);
}

upgrade_decision within(upgrade_decision decision, actors::claims_ptr proved) {
  if (decision.status != 0 || !proved)
    return decision;
  if (!decision.claims) {
    decision.claims = std::move(proved);
  } else if (!decision.claims->expires_at && proved->expires_at) {
    auto bounded = *decision.claims;
    bounded.expires_at = proved->expires_at;
    decision.claims = std::make_shared<const claims>(std::move(bounded));
  }
  return decision;
}

upgrade_authorizer token_authorizer(std::shared_ptr<const token_verifier> verifier,
                                    std::chrono::seconds leeway, const actors::loop_clock& clock,
                                    upgrade_authorizer then) {
  return [verifier = std::move(verifier), leeway, &clock,
          then = std::move(then)](const http_request& request) {
    auto carried = token_of(request, verifier->takes_query_token());
    if (!carried)
      return not_looked_at(carried.error().status, std::string{carried.error().sentence},
                           carried.error().label.data());
    if (carried->carrier == token_carrier::none || carried->token.empty())
      return not_looked_at(401, "Unauthorized", "missing");
    auto now = clock.wall_now();
    auto verified = verifier->verify(carried->token, now);
    if (!verified)
      return upgrade_decision::refuse(401, "Invalid token", to_string(verified.error()).data());
    auto proved = admitted(std::move(*verified), now, leeway);
    return confirmed(then, request, std::move(proved));
  };
}

} // namespace troupe::transport
