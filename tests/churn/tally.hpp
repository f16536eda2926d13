#pragma once

#include <cstdint>

namespace troupe::churn {

/// Counts of what was done and checked.
struct tally {
  std::uint64_t published = 0;
  std::uint64_t deliveries = 0; ///< room messages that came and were checked
  std::uint64_t presence = 0;   ///< userJoined and userLeft that came and were checked
  std::uint64_t joins = 0, leaves = 0;
  std::uint64_t joins_refused = 0;                     ///< with `room_closed`
  std::uint64_t handshakes = 0, drops = 0, resets = 0; ///< disconnects by kind
  std::uint64_t cut = 0; ///< connections that the server ended with 1013, or without a close frame
};

} // namespace troupe::churn
