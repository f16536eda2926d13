#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

using protocol::wall_time;

/// How a token is signed: HMAC with a secret, or RSA or ECDSA with a private key.
enum class jwt_algorithm : std::uint8_t { hs256, hs384, hs512, rs256, es256 };

/// The algorithm's name in a token's `alg`.
[[nodiscard]] std::string_view to_string(jwt_algorithm algorithm) noexcept;

/// How strict the checks of keys and tokens are.
enum class jwt_profile : std::uint8_t {
  /// As small servers with Node's `ws` do: secrets of any length, `exp` optional, the token may
  /// stand in the query.
  lenient,
  strict, ///< secrets as long as their hash, `exp` required and not far away, no token in the query
};

/// A key and the one algorithm that it is good for.
struct jwt_key {
  /// The name that tokens use for it: 1 to 128 printable ASCII characters, no space; empty: the key
  /// of tokens without `kid`.
  std::string kid{};
  jwt_algorithm algorithm = jwt_algorithm::hs256;
  std::string material{}; ///< HS*: the bytes of the secret; else a public key in PEM
  std::string origin{};   ///< where it came from, for messages; may be empty
};

/// Reads a secret for HS256 that tokens without `kid` are signed with. One newline at the end is
/// not part of it. Errors: `std::runtime_error`, one line that names the file and what was
/// expected; never a part of the secret.
[[nodiscard]] jwt_key load_secret_file(const std::string& file, jwt_profile profile);

/// Reads the key that tokens name by `kid`: a public key in PEM (RSA of 2048 bits or more: RS256;
/// EC on P-256: ES256), else a secret for HS256. An empty `kid`: the key of tokens without one.
/// Errors: as `load_secret_file`, also for a `kid` that no token can name.
[[nodiscard]] jwt_key load_key_file(std::string kid, const std::string& file, jwt_profile profile);

/// Which tokens are accepted. 0 lifts a limit.
struct jwt_options {
  jwt_profile profile = jwt_profile::strict;
  std::vector<jwt_key> keys{};               ///< one or more, no two with the same `kid`
  std::string issuer{};                      ///< what `iss` must be; empty: anything
  std::string audience{};                    ///< what `aud` must be or hold; empty: anything
  std::chrono::seconds leeway{30};           ///< by how much clocks may differ, up to a day
  std::chrono::seconds max_lifetime{86'400}; ///< strict: from `iat`, else from now, to `exp`
  std::size_t max_token_bytes = 4096;        ///< of a whole token
};

/// What a valid token says of its bearer: `sub`, else `username`; `exp`; `rooms`; the whole
/// payload.
using actors::claims;

/// Why a token was refused. Clients are not told which check failed.
enum class auth_failure : std::uint8_t {
  missing,
  too_long,
  /// Not three parts of canonical base64url, or a part is not a JSON map with unique keys.
  malformed,
  /// The header brings a key or asks for something unknown: `jku`, `x5u`, `jwk`, `crit`.
  header,
  algorithm, ///< not one of ours, or not the key's
  key,       ///< no key for its `kid`
  signature,
  claim, ///< `exp`, `nbf` or `iat` is no number in 0 .. 2^53 - 1, or `rooms` no list of names
  no_expiry,
  expired,
  not_yet,     ///< before `nbf`
  from_future, ///< before `iat`
  lifetime,
  issuer,
  audience,
  subject,
};

/// The metric label.
[[nodiscard]] std::string_view to_string(auth_failure failure) noexcept;

inline constexpr std::string_view unauthorized_sentence = "A valid token is needed.";

/// Verifies tokens. Thread: any; immutable.
class token_verifier {
public:
  virtual ~token_verifier() = default;

  /// Checks one token. Throws only `std::bad_alloc`. Opens no file and asks no other process.
  [[nodiscard]] virtual protocol::result<claims, auth_failure> verify(std::string_view token,
                                                                      wall_time now) const = 0;

  /// Whether a token may stand in the query of the URL.
  [[nodiscard]] virtual bool takes_query_token() const noexcept = 0;

  /// What the operator should know at the start, a sentence each.
  [[nodiscard]] virtual const std::vector<std::string>& warnings() const noexcept = 0;
};

/// Makes a verifier of signed JSON web tokens (RFC 7519, RFC 8725). Errors: `std::runtime_error`,
/// one line that names the key, or the option and its value, and what was expected; never a part of
/// a secret.
[[nodiscard]] std::unique_ptr<const token_verifier> make_jwt_verifier(jwt_options options);

} // namespace troupe::transport
