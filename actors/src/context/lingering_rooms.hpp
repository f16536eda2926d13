#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/timer_wheel.hpp>

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <limits>

namespace troupe::actors {

class lingering_rooms;

/// A room that lives on without members for a while; ends it after that. Destroyed, it does not.
class lingering_room : public timer_wheel::entry, public boost::intrusive::list_base_hook<> {
public:
  /// `since`: when its last member left.
  lingering_room(lingering_rooms& all, steady_time since);
  ~lingering_room() override;

  [[nodiscard]] steady_time since() const noexcept { return since_; }
  /// Ends the room, and itself. Call it from the room's shard.
  virtual void end() = 0;

private:
  lingering_rooms& all_;
  steady_time since_;
};

/// The lingering rooms of one loop, in the order in which their last members left. Thread: the
/// loop's, but for `oldest_since`.
class lingering_rooms {
public:
  /// The one that has lingered longest; null if there is none.
  [[nodiscard]] lingering_room* oldest() noexcept {
    return rooms_.empty() ? nullptr : &rooms_.front();
  }

  /// When its last member left; `max` if there is none. Thread: any; it may be a moment old.
  [[nodiscard]] steady_time oldest_since() const noexcept {
    return steady_time{steady_time::duration{oldest_.load(std::memory_order_relaxed)}};
  }

private:
  friend class lingering_room;

  void note_oldest() noexcept {
    auto since = rooms_.empty() ? steady_time::max() : rooms_.front().since();
    oldest_.store(since.time_since_epoch().count(), std::memory_order_relaxed);
  }

  boost::intrusive::list<lingering_room, boost::intrusive::constant_time_size<false>> rooms_;
  std::atomic<steady_time::rep> oldest_{steady_time::max().time_since_epoch().count()};
};

inline lingering_room::lingering_room(lingering_rooms& all, steady_time since)
  : all_(all), since_(since) {
  all_.rooms_.push_back(*this);
  all_.note_oldest();
}

inline lingering_room::~lingering_room() {
  all_.rooms_.erase(all_.rooms_.iterator_to(*this));
  all_.note_oldest();
}

} // namespace troupe::actors
