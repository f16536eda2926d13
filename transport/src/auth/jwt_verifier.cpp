#include "auth/jwt_verifier.hpp"

#include "auth/jwt_claims.hpp"
#include "auth/jwt_header.hpp"

#include <troupe/protocol/base64.hpp>
#include <troupe/actors/option_check.hpp>

#include <openssl/crypto.h>

#include <stdexcept>
#include <utility>

namespace troupe::transport {

namespace {

using namespace std::chrono_literals;

/// A token cut at its dots.
struct token_parts {
  std::string_view header, payload, signature;
  std::string_view signed_text; ///< header and payload with their dot
};

std::optional<token_parts> cut(std::string_view token) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last)
    return std::nullopt;
  const auto signed_text = token.substr(0, last);
  return token_parts{token.substr(0, first), signed_text.substr(first + 1), token.substr(last + 1),
                     signed_text};
}

void check_limits(const jwt_options& options) {
  using actors::option_check;
  option_check is{"jwt_options"};
  try {
    is.that(!options.keys.empty(), "keys", "empty", "at least one key to check tokens with");
    is.time("leeway", options.leeway, 24h);
    is.time("max_lifetime", options.max_lifetime, option_check::longest_age);
  } catch (const std::invalid_argument& e) {
    throw std::runtime_error{e.what()};
  }
}

} // namespace

std::string_view to_string(auth_failure failure) noexcept {
  switch (failure) {
    case auth_failure::missing: return "missing";
    case auth_failure::too_long: return "too_long";
    case auth_failure::malformed: return "malformed";
    case auth_failure::header: return "header";
    case auth_failure::algorithm: return "algorithm";
    case auth_failure::key: return "key";
    case auth_failure::signature: return "signature";
    case auth_failure::claim: return "claim";
    case auth_failure::no_expiry: return "no_expiry";
    case auth_failure::expired: return "expired";
    case auth_failure::not_yet: return "not_yet";
    case auth_failure::from_future: return "from_future";
    case auth_failure::lifetime: return "lifetime";
    case auth_failure::issuer: return "issuer";
    case auth_failure::audience: return "audience";
    case auth_failure::subject: return "subject";
  }
  return "unknown";
}

std::unique_ptr<const token_verifier> make_jwt_verifier(jwt_options options) {
  return std::make_unique<const jwt_verifier>(std::move(options));
}

jwt_verifier::jwt_verifier(jwt_options options) : options_(std::move(options)) {
  check_limits(options_);
  if (options_.profile == jwt_profile::lenient)
    warnings_.emplace_back(
      "Tokens may stand in the query of a URL, and those without exp are good for ever.");
  for (auto& key : options_.keys) {
    add(key);
    OPENSSL_cleanse(key.material.data(), key.material.size());
  }
  options_.keys.clear();
}

void jwt_verifier::add(const jwt_key& key) {
  check_kid(key);
  const auto [i, is_new] = keys_.try_emplace(key.kid, key, options_.profile);
  if (!is_new)
    throw std::runtime_error{name_of(key) + ": expected one key "
                             + (key.kid.empty() ? "without kid" : "for the kid " + key.kid)};
  if (!i->second.warning().empty())
    warnings_.push_back(i->second.warning());
}

protocol::result<claims, auth_failure> jwt_verifier::verify(std::string_view token,
                                                            wall_time now) const {
  if (token.empty())
    return auth_failure::missing;
  if (options_.max_token_bytes != 0 && token.size() > options_.max_token_bytes)
    return auth_failure::too_long;
  const auto parts = cut(token);
  const auto header_json = parts ? protocol::decode_base64url(parts->header) : std::nullopt;
  auto payload_json = parts ? protocol::decode_base64url(parts->payload) : std::nullopt;
  const auto signature = parts ? protocol::decode_base64url(parts->signature) : std::nullopt;
  if (!header_json || !payload_json || !signature)
    return auth_failure::malformed;
  const auto header = read_jwt_header(*header_json);
  if (!header)
    return header.error();
  const auto key = keys_.find(header->kid);
  if (key == keys_.end())
    return auth_failure::key;
  if (key->second.algorithm() != header->algorithm)
    return auth_failure::algorithm;
  if (!key->second.verifies(parts->signed_text, *signature))
    return auth_failure::signature;
  return read_jwt_claims(std::move(*payload_json), options_, now);
}

} // namespace troupe::transport
