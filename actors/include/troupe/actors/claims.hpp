#pragma once

#include <troupe/actors/clock.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// Who a client has proved to be, and what it may do. Immutable once shared.
struct claims {
  std::string subject;                          ///< the user id; empty: nobody in particular
  std::optional<wall_time> expires_at;          ///< when the connection is closed unless the token is refreshed
  std::optional<std::vector<std::string>> rooms; ///< patterns (a name, or a prefix and `*`) of the rooms it may join; nothing: all
  std::string json = "{}";                      ///< everything that was claimed, as a JSON map

  [[nodiscard]] bool may_join(std::string_view room) const noexcept;
};

/// Null: the connection has no claims.
using claims_ptr = std::shared_ptr<const claims>;

/// Whether `name` is `pattern`, or starts with what stands before its final `*`.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view name) noexcept;

} // namespace troupe::actors
