#include "auth/token_carrier.hpp"

#include "text/http_text.hpp"

#include <troupe/transport/jwt.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::transport {

namespace {

void find_in_authorization(std::string_view value, std::vector<carried_token>& found) {
  value = trimmed(value);
  const auto scheme = value.substr(0, value.find_first_of(" \t"));
  if (equal_ignoring_case(scheme, "Bearer"))
    found.push_back(
      {token_carrier::authorization, std::string{trimmed(value.substr(scheme.size()))}});
}

void find_in_subprotocols(std::span<const std::string_view> offers,
                          std::vector<carried_token>& found) {
  constexpr std::string_view prefix = "troupe.bearer.";
  for (auto offer : offers)
    if (offer.starts_with(prefix))
      found.push_back({token_carrier::subprotocol, std::string{offer.substr(prefix.size())}});
}

void find_in_query(std::string_view query, std::vector<carried_token>& found) {
  for (auto& [name, value] : query_pairs(query.substr(query.starts_with('?') ? 1 : 0)))
    if (name == "token")
      found.push_back({token_carrier::query, std::move(value)});
}

bool speaks_troupe(std::span<const std::string_view> offers) {
  constexpr std::string_view prefix = "troupe.v1.";
  return std::any_of(offers.begin(), offers.end(),
                     [&](auto offer) { return offer.starts_with(prefix); });
}

} // namespace

protocol::result<carried_token, carrier_refusal> token_from(const token_places& places,
                                                            bool takes_query_token) {
  constexpr carrier_refusal repeated{400, "A request carries one token, in one place.",
                                     "token_repeated"};
  constexpr carrier_refusal alone{400, "A bearer subprotocol is offered beside one of troupe.v1.",
                                  "bearer_alone"};
  constexpr carrier_refusal in_query{401, unauthorized_sentence, "token_in_query"};
  if (places.authorization.size() > 1)
    return repeated;
  std::vector<carried_token> found;
  for (auto value : places.authorization)
    find_in_authorization(value, found);
  find_in_subprotocols(places.subprotocols, found);
  if (!found.empty() && found.back().carrier == token_carrier::subprotocol
      && !speaks_troupe(places.subprotocols))
    return alone;
  std::vector<carried_token> in_url;
  find_in_query(places.query, in_url);
  if (takes_query_token)
    found.insert(found.end(), in_url.begin(), in_url.end());
  if (found.size() > 1)
    return repeated;
  if (found.empty() && !in_url.empty())
    return in_query;
  return found.empty() ? carried_token{} : found.front();
}

} // namespace troupe::transport
