#pragma once

#include "model/client_id.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The clients that do not get an entry of a history, of those entries that several do not get.
/// Thread: the history's.
class exclusion_lists {
public:
  /// What the list of that many clients counts for.
  [[nodiscard]] static std::size_t bytes_of(std::size_t clients) noexcept {
    return clients * sizeof(client_id);
  }

  /// Precondition: `seq` is behind those of all others. Errors: `std::bad_alloc`; then nothing has
  /// changed.
  void add(std::uint64_t seq, std::span<const client_id> clients) {
    lists_.push_back({seq, {clients.begin(), clients.end()}});
  }

  [[nodiscard]] bool holds(std::uint64_t seq, client_id who) const noexcept {
    auto is_before = [](const list& l, std::uint64_t s) { return l.seq < s; };
    auto i = std::lower_bound(lists_.begin(), lists_.end(), seq, is_before);
    return i != lists_.end() && i->seq == seq
        && std::find(i->clients.begin(), i->clients.end(), who) != i->clients.end();
  }

  /// Drops the list of the oldest entry, which is of position `seq`, if that has one. Returns what
  /// it has counted for.
  std::size_t drop(std::uint64_t seq) noexcept {
    if (lists_.empty() || lists_.front().seq != seq)
      return 0;
    auto bytes = bytes_of(lists_.front().clients.size());
    lists_.pop_front();
    return bytes;
  }

  [[nodiscard]] bool empty() const noexcept { return lists_.empty(); }

private:
  struct list {
    std::uint64_t seq;
    std::vector<client_id> clients;
  };
  std::deque<list> lists_; ///< in the order of positions
};

} // namespace troupe::actors
