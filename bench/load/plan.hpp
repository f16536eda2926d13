#pragma once

#include "options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::bench {

/// Who is in which rooms, and who publishes where.
struct plan {
  struct speaker {
    std::uint32_t client = 0;
    std::uint32_t room = 0;
  };

  /// Names; if there are none, clients join nothing, and only `rooms_of` groups them.
  std::vector<std::string> rooms;
  std::vector<std::vector<std::uint32_t>> rooms_of; ///< by client, ascending
  std::vector<speaker> speakers;                    ///< room by room, as many in each
};

/// Without `mix`: each room has `members` clients of its own, which also join the next `joins - 1`
/// rooms. With `mix`: there are `members` clients, each in `joins` rooms with sizes that grow from
/// 2 to `members` in even ratios. The first members of a room publish in it.
[[nodiscard]] plan make_plan(const load_options& options);

} // namespace troupe::bench
