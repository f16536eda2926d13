#pragma once

#include "model/client_id.hpp"

#include <troupe/actors/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The ids of the latest messages of one session that its room has accepted, each with the position
/// of the room at its ack. Ids are hashes: two of one session that are alike by chance are one in
/// 10^16. Cost: linear in `most`. Thread: the room's.
class accepted_ids {
public:
  static constexpr std::size_t most = 64;

  /// The position of an accepted message; null if there is none of that id among the latest.
  [[nodiscard]] const std::uint64_t* find(std::uint64_t id) const noexcept {
    auto i = std::find_if(all_.begin(), all_.end(), [&](auto& a) { return a.id == id; });
    return i == all_.end() ? nullptr : &i->seq;
  }

  /// Errors: `std::bad_alloc`; then nothing has changed.
  void add(std::uint64_t id, std::uint64_t seq) {
    if (all_.size() < most)
      return all_.push_back({id, seq});
    all_[oldest_] = {id, seq};
    oldest_ = (oldest_ + 1) % most;
  }

private:
  struct accepted {
    std::uint64_t id;
    std::uint64_t seq;
  };
  std::vector<accepted> all_;
  std::size_t oldest_ = 0; ///< in `all_`, once it is full
};

/// Those of sessions that have lost their connection, until they come back to the room or their
/// window is over. Bound: `most`; the oldest goes.
class departed_ids {
public:
  static constexpr std::size_t most = 256;

  /// Errors: `std::bad_alloc`; then they are forgotten.
  void keep(client_id whose, std::unique_ptr<accepted_ids> ids, steady_time now,
            steady_time until) {
    while (!all_.empty() && (all_.front().until <= now || all_.size() >= most))
      all_.pop_front();
    all_.push_back({whose, std::move(ids), until});
  }

  /// Null if there are none.
  [[nodiscard]] std::unique_ptr<accepted_ids> take(client_id whose) noexcept {
    auto i = std::find_if(all_.begin(), all_.end(), [&](auto& d) { return d.whose == whose; });
    return i == all_.end() ? nullptr : std::move(std::exchange(*i, {}).ids);
  }

private:
  struct departed {
    client_id whose;
    std::unique_ptr<accepted_ids> ids;
    steady_time until;
  };
  std::deque<departed> all_; ///< oldest first
};

} // namespace troupe::actors
