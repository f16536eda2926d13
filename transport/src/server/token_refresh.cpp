#include <utility>

#include "server/upgrade_admission.hpp"
#include "server/token_refresh.hpp"

#include "auth/jwt_authorizer.hpp"
#include "text/http_text.hpp"
#include "text/percent.hpp"

#include <algorithm>
#include <cctype>
#include <string>

namespace troupe::transport {

namespace {

using protocol::errc;

constexpr std::string_view subprotocol_prefix = "troupe.bearer.";

/// Replaces the token that the header carries; returns whether it carries one.
bool put_into_authorization(std::string& value, std::string_view token) {
  auto scheme = value.substr(0, value.find_first_of(" \t"));
  if (!equal_ignoring_case(scheme, "Bearer"))
    return false;
  value = "Bearer " + std::string{token};
  return true;
}

bool put_into_subprotocols(std::string& value, std::string_view token) {
  bool carried = false;
  std::string list;
  for (auto offer : list_elements(value)) {
    list += list.empty() ? "" : ", ";
    if (offer.starts_with(subprotocol_prefix)) {
      list.append(subprotocol_prefix).append(token);
      carried = true;
    } else {
      list += offer;
    }
  }
  if (carried)
    value = std::move(list);
  return carried;
}

/// Appends `token` in the form that it has in a query.
void append_encoded(std::string& query, std::string_view token) {
  for (auto c : token)
    query += c == '+' ? std::string{"%2B"} : std::string(1, c);
}

bool put_into_query(std::string& target, std::string_view token) {
  auto at = target.find('?');
  if (at == std::string::npos)
    return false;
  bool carried = false;
  std::string changed = target.substr(0, ++at);
  for (std::string_view query = std::string_view{target}.substr(at); !query.empty();) {
    auto pair = query.substr(0, query.find('&'));
    auto key = pair.substr(0, pair.find('='));
    if (decode_query_text(key) == "token") {
      append_encoded(changed.append(key).append("="), token);
      carried = true;
    } else {
      changed += pair;
    }
    query.remove_prefix(pair.size());
    if (!query.empty()) {
      changed += '&';
      query.remove_prefix(1);
    }
  }
  if (carried)
    target = std::move(changed);
  return carried;
}

actors::token_decision refused(const upgrade_decision& decision) {
  if (decision.status == 401)
    return {nullptr, errc::unauthorized, {}};
  auto is_for_now = decision.status == 429 || decision.status == 503;
  return {nullptr, is_for_now ? errc::overloaded : errc::forbidden, decision.text};
}

/// Who asks; the tokens of one `client` count together.
struct asker {
  http_request handshake;
  boost::asio::ip::address client;
};

struct outcome {
  actors::token_decision decision;
  bool was_guess = false; ///< a secret was shown that is wrong
};

/// Asks the server's verifier, then the application. Throws what they throw; `asked` then names
/// which of them.
outcome ask(const http_settings& settings, const asker& who, std::string_view token,
            actors::wall_time now, const char*& asked) {
  asked = "verify_token";
  auto proved =
    is_bearer_token(token) ? settings.sessions.node->options().verify_token(token, now) : nullptr;
  if (!proved)
    return {{}, !token.empty()};
  if (!settings.confirm)
    return {{std::move(proved), errc::ok, {}}};
  asked = "authorize_upgrade";
  auto decision = confirmed(settings.confirm, with_token(who.handshake, token), std::move(proved));
  if (decision.status == 0)
    return {{std::move(decision.claims), errc::ok, {}}};
  settings.sessions.counters->count(protocol::counter::auth_failures, label_of(decision));
  return {refused(decision), decision.status == 401 && decision.counts_as_guess};
}

actors::token_decision decide(const http_settings& settings, const asker& who,
                              std::string_view token, actors::wall_time now) {
  const char* asked = "session";
  try {
    auto at = settings.sessions.node->options().clock->now();
    if (settings.admissions->seconds_to_next_try(who.client, at) > 0) {
      settings.sessions.counters->count(protocol::counter::auth_failures, "throttled");
      return {nullptr, errc::overloaded, "Too many tokens were refused."};
    }
    auto answer = ask(settings, who, token, now, asked);
    if (answer.was_guess)
      settings.admissions->note_refused_token(who.client, at);
    return std::move(answer.decision);
  } catch (...) {
    protocol::report_exception(*settings.sessions.log, *settings.sessions.counters, asked);
    return {nullptr, errc::internal, {}};
  }
}

} // namespace

bool is_bearer_token(std::string_view token) noexcept {
  return !token.empty() && std::all_of(token.begin(), token.end(), [](unsigned char c) {
    return std::isalnum(c)
        || std::string_view{"-._~+/="}.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

http_request with_token(http_request request, std::string_view token) {
  bool carried = put_into_query(request.target, token);
  for (auto& [name, value] : request.headers) {
    if (equal_ignoring_case(name, "Authorization"))
      carried |= put_into_authorization(value, token);
    else if (equal_ignoring_case(name, "Sec-WebSocket-Protocol"))
      carried |= put_into_subprotocols(value, token);
  }
  if (!carried)
    request.headers.emplace_back("Authorization", "Bearer " + std::string{token});
  return request;
}

std::shared_ptr<const actors::token_check> refresh_check(const http_settings& settings,
                                                         http_request handshake) {
  // a request without address is an embedder's own: all of these count as one client's
  boost::system::error_code ignored;
  auto client = boost::asio::ip::make_address(handshake.remote_address, ignored);
  return std::make_shared<const actors::token_check>(
    [&settings, who = asker{std::move(handshake), client}](
      std::string_view token, actors::wall_time now) { return decide(settings, who, token, now); });
}

} // namespace troupe::transport
