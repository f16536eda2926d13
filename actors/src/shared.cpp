#include "shared.hpp"

namespace troupe::actors {

bool room_rule::matches(std::string_view name) const noexcept {
  if (pattern.ends_with('*'))
    return name.starts_with(std::string_view{pattern}.substr(0, pattern.size() - 1));
  return name == pattern;
}

const room_rule* node_shared::rule_for(std::string_view room) const noexcept {
  for (auto& rule : rules)
    if (rule.matches(room))
      return &rule;
  return nullptr;
}

} // namespace troupe::actors
