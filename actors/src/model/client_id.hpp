#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::actors {

/// A `clientId` in compact form: 128 random bits. Public: it names a session to clients, and
/// permits nothing.
struct client_id {
  std::uint64_t high = 0;
  std::uint64_t low = 0; ///< both 0: nobody's

  [[nodiscard]] explicit operator bool() const noexcept { return (high | low) != 0; }
  friend bool operator==(const client_id&, const client_id&) = default;
};

/// Errors: as `random_id`.
[[nodiscard]] client_id random_client_id();

/// 22 letters, digits, `-` and `_`.
[[nodiscard]] std::string to_text(client_id id);

/// The id whose text that is; nobody's if there is none.
[[nodiscard]] client_id client_id_of(std::string_view text) noexcept;

} // namespace troupe::actors
