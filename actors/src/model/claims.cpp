#include <troupe/actors/claims.hpp>

#include <algorithm>

namespace troupe::actors {

bool claims::may_join(std::string_view room) const noexcept {
  return !rooms || std::any_of(rooms->begin(), rooms->end(), [&](auto& pattern) {
    return matches_pattern(pattern, room);
  });
}

bool matches_pattern(std::string_view pattern, std::string_view name) noexcept {
  if (pattern.ends_with('*'))
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

} // namespace troupe::actors
