#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace troupe::test {

/// A socket for an outbox. It takes as many bytes as it has room for.
struct fake_socket {
  ssize_t operator()(const iovec* parts, int count) {
    if (broken)
      return -1;
    ++sends;
    most_parts = std::max(most_parts, count);
    ssize_t taken = 0;
    for (int i = 0; i < count; ++i) {
      auto n = room ? std::min(parts[i].iov_len, *room) : parts[i].iov_len;
      received.append(static_cast<const char*>(parts[i].iov_base), n);
      taken += static_cast<ssize_t>(n);
      if (room)
        *room -= n;
      if (n < parts[i].iov_len)
        break;
    }
    return taken;
  }

  std::string take() { return std::exchange(received, {}); }

  std::optional<std::size_t> room; ///< none: it takes everything
  bool broken = false;
  std::string received;
  int sends = 0;
  int most_parts = 0;
};

} // namespace troupe::test
