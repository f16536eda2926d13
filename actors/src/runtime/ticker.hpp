#pragma once

#include "runtime/tick_clock.hpp"

#include <troupe/actors/event_loop.hpp>

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>

namespace troupe::actors {

/// Wakes all that ticks at one rate on one loop: one deadline of the loop's, however many they are.
///
/// Those that wait form a line in the order of their times. Whoever has been woken goes to its end:
/// all have the same period, so its next time is behind those of the others, and nobody is sorted.
/// Each wake-up wakes one; the loop bounds how many a turn has.
///
/// Invariants: an entry is woken at most once per `wait_until`, never early, in the order of the
/// times; entries of one time in the order of `wait_until`. Cost: constant; allocates nothing.
/// Thread: the loop's.
class ticker final : deadline_queue::entry {
public:
  /// Something that ticks; stops when destroyed.
  class member {
  public:
    member() = default;
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    [[nodiscard]] bool waits() const noexcept { return hook_.is_linked(); }
    void stop() noexcept { hook_.unlink(); }

  protected:
    virtual ~member() = default; // its hook leaves the line

  private:
    friend class ticker;
    virtual void on_tick_due() = 0;
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
      hook_;
    steady_time due_{};
  };

  /// The instants at which members tick are at least this far apart.
  static constexpr std::chrono::nanoseconds apart = std::chrono::milliseconds{2};

  /// `loop` outlives it; `rate` is from 1 to `tick_clock::highest_rate`, in Hz.
  ticker(event_loop& loop, unsigned rate) : loop_(loop), rate_(rate), origin_(loop.now()) {}
  ~ticker() override { line_.clear(); }

  /// The time of tick 0 of another member, from which its first tick is at most a period away. They
  /// are spread over the period, however many there will be: each has a phase that is the golden
  /// ratio behind the one before, rounded down to an instant. A loop that woke for each
  /// member by itself would spend most of its time on waking (bench/README.md).
  [[nodiscard]] steady_time next_start() noexcept {
    constexpr double golden_ratio = 0.6180339887498949;
    phase_ += golden_ratio;
    phase_ -= std::floor(phase_);
    auto instants = std::max<std::int64_t>(1, second / rate_ / apart.count());
    auto instant = static_cast<std::int64_t>(phase_ * static_cast<double>(instants));
    std::chrono::nanoseconds shift{instant * second / (rate_ * instants)};
    // Counts from a second before the origin: its first phases may still be to come.
    tick_clock grid{origin_ + shift - std::chrono::seconds{1}, rate_};
    return grid.due(grid.count_at(loop_.now()));
  }

  /// Wakes `m` once `due` has come, instead of when it was to be woken before.
  void wait_until(member& m, steady_time due) noexcept {
    m.stop();
    m.due_ = due;
    auto at = line_.end();
    while (at != line_.begin() && std::prev(at)->due_ > due)
      --at;
    line_.insert(at, m);
    if (&line_.front() == &m)
      arm();
  }

private:
  static constexpr std::int64_t second = 1'000'000'000;

  void on_deadline() override {
    struct rearm { // also if a member throws
      ~rearm() { owner.arm(); }
      ticker& owner;
    } at_end{*this};
    if (line_.empty() || line_.front().due_ > loop_.now())
      return; // the first one has stopped meanwhile
    auto& m = line_.front();
    line_.pop_front();
    m.on_tick_due();
  }

  void arm() noexcept {
    if (!line_.empty())
      loop_.deadlines().arm(*this, line_.front().due_);
  }

  event_loop& loop_;
  unsigned rate_;
  steady_time origin_;
  double phase_ = 0; ///< of the latest member, in periods
  boost::intrusive::list<
    member,
    boost::intrusive::member_hook<member,
                                  boost::intrusive::list_member_hook<
                                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
                                  &member::hook_>,
    boost::intrusive::constant_time_size<false>>
    line_;
};

/// The tickers of one loop, one for each rate in use. They stay: there are few rates. Thread: the
/// loop's.
class tickers {
public:
  explicit tickers(event_loop& loop) : loop_(loop) {}

  /// Errors: `std::bad_alloc`.
  [[nodiscard]] ticker& of(unsigned rate) {
    return all_.try_emplace(rate, loop_, rate).first->second;
  }

private:
  event_loop& loop_;
  std::map<unsigned, ticker> all_;
};

} // namespace troupe::actors
