#include "net/descriptors.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace troupe::transport {

std::size_t descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return 0;
  return limit.rlim_cur;
}

void raise_descriptor_limit(std::size_t most) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return;
  auto highest =
    limit.rlim_max == RLIM_INFINITY ? most : std::min<std::size_t>(limit.rlim_max, most);
  if (highest <= limit.rlim_cur)
    return;
  limit.rlim_cur = highest;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

descriptor_shares share_descriptors(std::size_t limit,
                                    std::optional<std::size_t> reserved) noexcept {
  constexpr std::size_t most_pending = 16'384; // each may hold 140 KiB: half a body, and Asio's TLS
  constexpr std::size_t least_admin = 4;
  auto kept = reserved.value_or(std::clamp<std::size_t>(limit / 8, 4, 64));
  descriptor_shares shares;
  shares.pending = limit == 0 ? most_pending : std::min(limit / 2, most_pending);
  shares.admin_pending = std::max(kept / 4, least_admin);
  if (limit == 0 || kept == 0 || kept >= limit
      || limit > static_cast<std::size_t>(descriptor_shares::none))
    return shares;
  shares.scarce_from = static_cast<int>(limit - kept);
  shares.shut_from = static_cast<int>(limit - kept / 2);
  shares.admin_shut_from = static_cast<int>(limit - kept / 4);
  return shares;
}

bool are_in_use_below(int bound, int any) noexcept {
  auto lowest = ::fcntl(any, F_DUPFD_CLOEXEC, 0); // takes the lowest number that is free
  if (lowest < 0)
    return true;
  ::close(lowest);
  return lowest >= bound;
}

} // namespace troupe::transport
