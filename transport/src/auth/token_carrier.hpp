#pragma once

#include <troupe/protocol/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace troupe::transport {

enum class token_carrier : std::uint8_t {
  none,
  authorization, ///< `Authorization: Bearer <token>`
  subprotocol,   ///< `troupe.bearer.<token>` beside a `troupe.v1.*`; never to be echoed
  query,         ///< `?token=<token>`
};

/// Where a request can carry a token.
struct token_places {
  std::span<const std::string_view> authorization; ///< the value of each `Authorization` header
  std::span<const std::string_view> subprotocols;  ///< offered ones, each by itself
  std::string_view query;                          ///< raw, with or without its `?`
};

/// An unverified token; it may be empty, or no token at all.
struct carried_token {
  token_carrier carrier = token_carrier::none;
  std::string token;
};

/// The refusal of a request that does not carry exactly one token in a permitted place.
struct carrier_refusal {
  unsigned status;           ///< 400 or 401
  std::string_view sentence; ///< for a person
  std::string_view label;    ///< metric label
};

/// Finds the one token of a request. An `Authorization` of another scheme carries none. Errors: 400
/// `token_repeated` (two tokens, or two `Authorization`s), 400 `bearer_alone` (a bearer subprotocol
/// without a `troupe.v1.*`), 401 `token_in_query` (the only token is in the query, where none is
/// accepted).
[[nodiscard]] protocol::result<carried_token, carrier_refusal> token_from(
  const token_places& places, bool takes_query_token);

} // namespace troupe::transport
