#pragma once

#include "history/exclusion_lists.hpp"
#include "model/client_id.hpp"

#include <troupe/actors/clock.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/timer_wheel.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <boost/circular_buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace troupe::actors {

class history_shelf;

/// A room's latest stored broadcasts, bounded by count, bytes and age. Each is kept once, in a form
/// that the frames of all encodings can be made from (`protocol/stored_event.hpp`); if members get
/// such a frame, it is that buffer.
///
/// Invariant: positions are consecutive, and the last entry is the room's latest broadcast unless
/// that was let go at once.
/// A buffer counts as history while it is here, and as output once it has gone and an outbox or a
/// batch still holds it. With a shelf, entries also go by age while the room is silent. Thread: the
/// loop's.
class history final : timer_wheel::entry {
public:
  struct entry {
    std::uint64_t seq = 0;
    steady_time at;
    protocol::shared_bytes event;
    client_id excluded{};  ///< the client that does not get it, or nobody; see `excludes`
    std::size_t bytes = 0; ///< of `event`, whose own size is not in the cache, and who is excluded
  };

  /// `shelf` and `output` may be null, together: then nothing is counted, and old entries go only
  /// at an `append`. All three outlive it.
  explicit history(const room_limits& limits, history_shelf* shelf = nullptr,
                   protocol::memory_meter* output = nullptr);
  explicit history(room_limits&&, history_shelf* = nullptr,
                   protocol::memory_meter* = nullptr) = delete;
  ~history() override;

  /// The meter of events that are made to be stored.
  [[nodiscard]] protocol::memory_meter* meter() const noexcept;

  /// Whether it keeps anything.
  [[nodiscard]] bool is_on() const noexcept { return limits_.history; }

  void append(std::uint64_t seq, steady_time at, protocol::shared_bytes event,
              client_id excluded = {});
  /// The same for an event that several clients do not get.
  void append(std::uint64_t seq, steady_time at, protocol::shared_bytes event,
              std::span<const client_id> excluded);

  /// Whether the client does not get the entry. Cost: no look-up unless several do not get it.
  [[nodiscard]] bool excludes(const entry& e, client_id who) const noexcept {
    if (!e.excluded || !who)
      return false;
    return e.excluded == who || (e.excluded == several && lists_->holds(e.seq, who));
  }

  /// Drops the oldest entry, for the budget of all histories. Precondition: there is one.
  void drop_oldest() noexcept;

  /// Prefetches the entry that the next `append` drops, last used a whole history ago, and its
  /// event, whose memory the next one will reuse. Cost: no waiting, because the last `append` has
  /// noted where it is.
  void prefetch_oldest() const noexcept;

  /// The entry right behind position `seq`; null if there is none. Precondition: it has not been
  /// dropped.
  [[nodiscard]] const entry* after(std::uint64_t seq) const noexcept {
    return entries_.empty() || entries_.back().seq <= seq ? nullptr : &entries_[seq + 1 - first()];
  }

  /// Calls `f(entry)` for each entry behind position `seq`, oldest first, as long as it returns
  /// true.
  template <class F>
  void for_each_after(std::uint64_t seq, F&& f) const {
    for (auto i = seq < first() ? 0 : seq + 1 - first(); i < entries_.size() && f(entries_[i]);)
      ++i;
  }
  /// The same for each entry before position `seq`, newest first.
  template <class F>
  void for_each_before(std::uint64_t seq, F&& f) const {
    for (auto i = seq <= first() ? 0 : std::min<std::size_t>(seq - first(), entries_.size());
         i > 0 && f(entries_[i - 1]);)
      --i;
  }

  [[nodiscard]] const boost::circular_buffer<entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  friend class history_shelf;

  /// Stands for several clients, which are in `lists_`.
  static constexpr client_id several{~std::uint64_t{0}, ~std::uint64_t{0}};

  /// Position of the oldest entry; 0 if there is none.
  [[nodiscard]] std::uint64_t first() const noexcept {
    return entries_.empty() ? 0 : entries_.front().seq;
  }

  inline void put(std::uint64_t seq, steady_time at, protocol::shared_bytes event,
                  client_id excluded, std::size_t list_bytes);
  void on_deadline() override;
  void trim(steady_time now);
  void drop_list(std::uint64_t seq) noexcept;
  void note_oldest() noexcept;
  inline void pop_oldest() noexcept;
  void await_age(steady_time now);
  void make_slots();
  void give_slots_back() noexcept;
  void charge_slots() noexcept;

  const room_limits& limits_;
  history_shelf* shelf_;
  protocol::memory_meter* output_;
  std::chrono::seconds age_;               ///< 0: none is too old
  boost::circular_buffer<entry> entries_;  ///< reuses its slots while they are in the cache
  std::unique_ptr<exclusion_lists> lists_; ///< null: there was none yet
  std::size_t bytes_ = 0;
  std::size_t charged_slots_ = 0;      ///< whose own size is counted, beside their entries' events
  std::size_t place_ = 0;              ///< on the shelf
  const char* oldest_event_ = nullptr; ///< where that of the oldest entry is, for prefetches only
  std::size_t oldest_bytes_ = 0;       ///< how much of it to prefetch
};

} // namespace troupe::actors
