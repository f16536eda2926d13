#include "auth/jwt_header.hpp"

#include "auth/jwt_json.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <variant>

namespace troupe::transport {

namespace {

constexpr std::size_t max_kid_bytes = 128;

constexpr std::array algorithms{jwt_algorithm::hs256, jwt_algorithm::hs384, jwt_algorithm::hs512,
                                jwt_algorithm::rs256, jwt_algorithm::es256};

/// Fields by which a token brings its own key, or changes what a signature covers.
constexpr std::array<std::string_view, 4> refused_fields{"jku", "x5u", "jwk", "crit"};

std::optional<jwt_algorithm> algorithm_named(std::string_view name) {
  const auto i = std::find_if(algorithms.begin(), algorithms.end(),
                              [&](auto each) { return to_string(each) == name; });
  return i == algorithms.end() ? std::nullopt : std::optional{*i};
}

} // namespace

std::string_view to_string(jwt_algorithm algorithm) noexcept {
  switch (algorithm) {
    case jwt_algorithm::hs256: return "HS256";
    case jwt_algorithm::hs384: return "HS384";
    case jwt_algorithm::hs512: return "HS512";
    case jwt_algorithm::rs256: return "RS256";
    case jwt_algorithm::es256: return "ES256";
  }
  return "";
}

bool is_kid(std::string_view kid) noexcept {
  return !kid.empty() && kid.size() <= max_kid_bytes
      && std::all_of(kid.begin(), kid.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

protocol::result<jwt_header, auth_failure> read_jwt_header(std::string_view json) {
  const auto fields = token_fields::parse(json);
  if (!fields)
    return auth_failure::malformed;
  if (std::any_of(refused_fields.begin(), refused_fields.end(),
                  [&](auto name) { return fields->find(name) != nullptr; }))
    return auth_failure::header;
  const auto* alg = fields->find("alg");
  const auto* name = alg ? std::get_if<std::string>(alg) : nullptr;
  const auto algorithm = name ? algorithm_named(*name) : std::nullopt;
  if (!algorithm)
    return auth_failure::algorithm;
  const auto* field = fields->find("kid");
  if (!field)
    return jwt_header{*algorithm, {}};
  const auto* kid = std::get_if<std::string>(field);
  if (!kid || !is_kid(*kid))
    return auth_failure::key;
  return jwt_header{*algorithm, *kid};
}

} // namespace troupe::transport
