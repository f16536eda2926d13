#include "auth/jwt_claims.hpp"

#include "auth/jwt_json.hpp"

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <string_view>
#include <variant>

namespace troupe::transport {

namespace {

using std::chrono::milliseconds;

/// Each check names what it finds wrong.
using finding = std::optional<auth_failure>;

struct token_times {
  std::optional<wall_time> exp, nbf, iat;
};

/// Whether a JSON document may be part of messages in both codecs.
bool is_payload(std::string_view document) {
  constexpr protocol::message_limits limits{.max_message_bytes = 0,
                                            .max_depth = token_fields::max_depth + 1};
  const auto message = std::string{R"({"type":"claims","data":)"}.append(document).append("}");
  return static_cast<bool>(protocol::decode(protocol::codec::json, message, limits));
}

/// Reads a time in seconds, fractions allowed (RFC 7519, "NumericDate"). False if the field is
/// there and is no time.
bool read_time(const token_fields& fields, std::string_view key, std::optional<wall_time>& time) {
  constexpr double bound = 9007199254740992; // 2^53, whose milliseconds fit as well
  const auto* field = fields.find(key);
  if (!field)
    return true;
  const auto* seconds = std::get_if<double>(field);
  if (!seconds || !(*seconds >= 0 && *seconds < bound))
    return false;
  time = wall_time{milliseconds{static_cast<milliseconds::rep>(*seconds * 1000)}};
  return true;
}

finding check_lifetime(const token_times& times, const jwt_options& options, wall_time now) {
  if (options.profile != jwt_profile::strict)
    return {};
  if (!times.exp)
    return auth_failure::no_expiry;
  if (options.max_lifetime.count() != 0
      && *times.exp - times.iat.value_or(now) > options.max_lifetime)
    return auth_failure::lifetime;
  return {};
}

finding check_times(const token_times& times, const jwt_options& options, wall_time now) {
  if (times.exp && now - *times.exp >= options.leeway)
    return auth_failure::expired;
  if (times.nbf && *times.nbf - now > options.leeway)
    return auth_failure::not_yet;
  if (times.iat && *times.iat - now > options.leeway)
    return auth_failure::from_future;
  return check_lifetime(times, options, now);
}

const std::string* string_at(const token_fields& fields, std::string_view key) {
  const auto* field = fields.find(key);
  return field ? std::get_if<std::string>(field) : nullptr;
}

bool is_for(const token_fields& fields, const std::string& audience) {
  const auto* field = fields.find("aud");
  if (!field)
    return false;
  if (const auto* one = std::get_if<std::string>(field))
    return *one == audience;
  const auto* many = std::get_if<std::vector<std::string>>(field);
  return many && std::find(many->begin(), many->end(), audience) != many->end();
}

finding check_parties(const token_fields& fields, const jwt_options& options) {
  const auto* issuer = string_at(fields, "iss");
  if (!options.issuer.empty() && (!issuer || *issuer != options.issuer))
    return auth_failure::issuer;
  if (!options.audience.empty() && !is_for(fields, options.audience))
    return auth_failure::audience;
  return {};
}

/// A `username` does not make up for a `sub` that is no name.
finding read_subject(const token_fields& fields, std::string& subject) {
  const auto* name = string_at(fields, fields.find("sub") ? "sub" : "username");
  if (!name || !protocol::is_room_name(*name))
    return auth_failure::subject;
  subject = *name;
  return {};
}

finding read_rooms(const token_fields& fields, std::optional<std::vector<std::string>>& rooms) {
  const auto* field = fields.find("rooms");
  if (!field)
    return {};
  const auto* patterns = std::get_if<std::vector<std::string>>(field);
  if (!patterns || !std::all_of(patterns->begin(), patterns->end(), protocol::is_room_name))
    return auth_failure::claim;
  rooms = *patterns;
  return {};
}

} // namespace

protocol::result<claims, auth_failure> read_jwt_claims(std::string json, const jwt_options& options,
                                                       wall_time now) {
  const auto fields = token_fields::parse(json);
  if (!fields || !is_payload(json))
    return auth_failure::malformed;
  token_times times;
  if (!read_time(*fields, "exp", times.exp) || !read_time(*fields, "nbf", times.nbf)
      || !read_time(*fields, "iat", times.iat))
    return auth_failure::claim;
  if (const auto wrong = check_times(times, options, now))
    return *wrong;
  if (const auto wrong = check_parties(*fields, options))
    return *wrong;
  claims result;
  if (const auto wrong = read_subject(*fields, result.subject))
    return *wrong;
  if (const auto wrong = read_rooms(*fields, result.rooms))
    return *wrong;
  result.expires_at = times.exp;
  result.json = std::move(json);
  return result;
}

} // namespace troupe::transport
