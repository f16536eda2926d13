#pragma once

#include <troupe/protocol/observe.hpp>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// How one kind of counted events is exported.
struct event_metric {
  using labels = std::map<std::string, std::string>; ///< values by name

  protocol::counter what;
  const char* name;
  const char* help;
  const char* label; ///< null: none
  /// The values of `label` that are exported from the start, at 0: all that the library itself
  /// counts. An application may add a few of its own: labels of refusals, names of actors.
  std::vector<std::string> (*values)();

  /// The labels of what was counted under `value`.
  [[nodiscard]] labels labels_of(std::string_view value) const;
};

/// All of them, in the order of the exporter's text.
[[nodiscard]] std::span<const event_metric> event_metrics() noexcept;

} // namespace troupe::transport
