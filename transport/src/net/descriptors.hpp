#pragma once

#include <cstddef>
#include <limits>
#include <optional>

namespace troupe::transport {

/// How many descriptors this process may have open: its soft limit, which is low for the sake of
/// `select`. 0: no bound.
[[nodiscard]] std::size_t descriptor_limit() noexcept;

/// Raises the soft limit to the hard one, but at most to `most`. If the system refuses, the limit
/// stays as it was. Changes the whole process.
void raise_descriptor_limit(std::size_t most = 1'048'576) noexcept;

/// Which of a process's descriptors may be sockets. The last ones are reserved: half of these for
/// answers at the main port when all others are in use (its probes, refusals), a quarter for the
/// admin port, the rest for log and files.
struct descriptor_shares {
  static constexpr int none = std::numeric_limits<int>::max();

  /// Sockets at a time that are not WebSockets: half of all, 16,384 at most.
  std::size_t pending = 0;
  std::size_t admin_pending = 0; ///< those of the admin port
  /// A socket with this number or a higher one may not become a WebSocket while all lower numbers
  /// than this are in use.
  int scarce_from = none;
  int shut_from = none;       ///< the main port has none from this number on
  int admin_shut_from = none; ///< nor has the admin port from this one on
};

/// Shares out `limit` descriptors (see `descriptor_limit`). `reserved`: absent: an eighth, from 4
/// to 64; 0: none.
[[nodiscard]] descriptor_shares share_descriptors(std::size_t limit,
                                                  std::optional<std::size_t> reserved) noexcept;

/// Whether each number below `bound` is in use. `any`: an open descriptor. Cost: two system calls.
[[nodiscard]] bool are_in_use_below(int bound, int any) noexcept;

} // namespace troupe::transport
