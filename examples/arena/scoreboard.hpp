#pragma once

#include "arena_messages.hpp"

#include <string_view>
#include <vector>

namespace troupe::examples {

/// The best of all arenas, the best first; of equals, who was there first. At most 1,000 are known:
/// who is last makes room for a new one.
class score_table {
public:
  /// Returns whether the list of the best has changed.
  bool add_frag(std::string_view name);
  /// At most 5.
  [[nodiscard]] std::vector<best_player> best() const;

private:
  std::vector<best_player> all_; ///< in their order
};

/// Counts for all arenas; runs on CAF's own threads.
scoreboard_actor::behavior_type scoreboard(scoreboard_actor::pointer self);

} // namespace troupe::examples
