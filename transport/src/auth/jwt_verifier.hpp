#pragma once

#include "auth/jwt_key.hpp"

#include <troupe/transport/jwt.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// Checks a token in this order: its form, its header, the key's algorithm, the signature; only
/// then does it read the payload.
///
/// OpenSSL checks the signatures, without libjwt. libjwt 1.10 takes the algorithm from the token,
/// in any case and with any doubled key, skips the check if no key was given, ignores spare bits of
/// a signature, knows no `at+jwt`, and parses a public key anew for each token, which makes RS256
/// twenty times as expensive.
class jwt_verifier final : public token_verifier {
public:
  explicit jwt_verifier(jwt_options options);

  protocol::result<claims, auth_failure> verify(std::string_view token,
                                                wall_time now) const override;
  bool takes_query_token() const noexcept override {
    return options_.profile == jwt_profile::lenient;
  }
  const std::vector<std::string>& warnings() const noexcept override { return warnings_; }

private:
  void add(const jwt_key& key);

  jwt_options options_; ///< without the keys
  std::map<std::string, verification_key, std::less<>> keys_;
  std::vector<std::string> warnings_;
};

} // namespace troupe::transport
