#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/protocol/errc.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// Who a client has proved to be, and what it may do. Immutable once shared.
struct claims {
  std::string subject{}; ///< the user id; empty: nobody in particular
  /// When the connection is closed unless the token is refreshed.
  std::optional<wall_time> expires_at{};
  /// Patterns (a name, or a prefix and `*`) of the rooms it may join; absent: all.
  std::optional<std::vector<std::string>> rooms{};
  std::string json = "{}"; ///< everything that was claimed, as a JSON map

  /// Whether a pattern of `rooms` matches it, or `rooms` is absent.
  [[nodiscard]] bool may_join(std::string_view room) const noexcept;
};

/// Null: the connection has no claims.
using claims_ptr = std::shared_ptr<const claims>;

/// The decision about a token that a client has brought with `auth`.
struct token_decision {
  /// The claims that hold from now on; null: refused, and the client's present claims stay.
  claims_ptr claims{};
  protocol::errc code = protocol::errc::unauthorized; ///< of the refusal
  std::string detail{}; ///< of the refusal, for a person; empty: the sentence of `code`
};

/// Decides about a token that a client brings with `auth`. Runs on the connection's loop, must not
/// block.
using token_check = std::function<token_decision(std::string_view token, wall_time now)>;

/// Whether `name` is `pattern`, or starts with what stands before its final `*`.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view name) noexcept;

} // namespace troupe::actors
