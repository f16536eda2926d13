#pragma once

#include "model/client_id.hpp"

#include <troupe/actors/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
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
/// window is over. Bound: `most`, far more than lose their connections in one window; the oldest
/// goes. Cost: constant. Thread: the room's.
class departed_ids {
public:
  static constexpr std::size_t most = 16'384;

  /// Errors: `std::bad_alloc`; then they are forgotten.
  void keep(client_id whose, std::unique_ptr<accepted_ids> ids, steady_time now,
            steady_time until) {
    while (!oldest_.empty() && (oldest_.front().until <= now || oldest_.size() >= most)) {
      if (auto i = all_.find(oldest_.front().whose);
          i != all_.end() && i->second.until <= oldest_.front().until)
        all_.erase(i);
      oldest_.pop_front();
    }
    all_[whose] = {std::move(ids), until};
    oldest_.push_back({whose, until});
  }

  /// Null if there are none.
  [[nodiscard]] std::unique_ptr<accepted_ids> take(client_id whose) noexcept {
    auto i = all_.find(whose);
    if (i == all_.end())
      return nullptr;
    auto ids = std::move(i->second.ids);
    all_.erase(i);
    return ids;
  }

private:
  struct departed {
    std::unique_ptr<accepted_ids> ids;
    steady_time until;
  };
  struct age {
    client_id whose;
    steady_time until;
  };
  /// Ids are random: nobody chooses them.
  struct by_low_half {
    std::size_t operator()(const client_id& id) const noexcept { return id.low; }
  };
  std::unordered_map<client_id, departed, by_low_half> all_;
  std::deque<age> oldest_; ///< some may have been taken
};

} // namespace troupe::actors
