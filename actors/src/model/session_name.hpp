#pragma once

#include "model/client_id.hpp"

#include <troupe/actors/session_key.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace troupe::actors {

/// What a client shows to take a session over: 128 random bits, known to it alone.
struct session_secret {
  client_id bits;
};

/// Errors: as `random_id`.
[[nodiscard]] session_secret random_session_secret();

/// Cost: the same for all secrets.
[[nodiscard]] constexpr bool is_same(const session_secret& a, const session_secret& b) noexcept {
  return ((a.bits.high ^ b.bits.high) | (a.bits.low ^ b.bits.low)) == 0;
}

/// Names a session to the client whose it is: where it is found, and the secret.
struct session_name {
  session_key key;
  session_secret secret;
};

/// The string of `welcome.resume`: 44 letters, digits, `-` and `_`.
[[nodiscard]] std::string to_text(const session_name& name);

/// The name whose text that is; nothing if there is none.
[[nodiscard]] std::optional<session_name> session_name_of(std::string_view text) noexcept;

} // namespace troupe::actors
