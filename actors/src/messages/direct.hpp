#pragma once

#include "model/counted_bytes.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// What one user, or the server, says to all sessions of another one. All of them share it.
struct direct_message {
  std::uint64_t number = 0; ///< unique in the node
  std::string to;
  std::string from; ///< empty: the server
  std::string timestamp;
  protocol::codec codec = protocol::codec::json; ///< of `body`
  protocol::shared_bytes bytes;                  ///< `body` points into it
  protocol::body_field field = protocol::body_field::text;
  std::string_view body;
  /// Rooms of the sender, of which the receiver must be in one; absent: it need not.
  std::optional<std::vector<std::string>> rooms{};

  /// What keeping it takes.
  [[nodiscard]] std::size_t weight() const noexcept {
    constexpr std::size_t fixed = 160;
    auto all = fixed + bytes.size() + from.size() + to.size();
    if (rooms)
      for (auto& room : *rooms)
        all += sizeof(std::string) + room.size();
    return all;
  }
  [[nodiscard]] bool names(std::string_view room) const {
    return !rooms || std::find(rooms->begin(), rooms->end(), room) != rooms->end();
  }
};
using direct_ptr = std::shared_ptr<const direct_message>;

/// The memory of all directs that sessions keep. Thread: any.
struct direct_budget {
  protocol::memory_meter meter;
  std::int64_t bytes = 0;             ///< 0: no bound
  std::atomic<std::uint64_t> said{0}; ///< numbers all directs

  [[nodiscard]] bool is_used_up() const noexcept { return bytes > 0 && meter.used_bytes() > bytes; }
};

/// The directs of one session: numbered from 1, and the latest are kept for the time in which its
/// client may have lost its connection.
///
/// Invariant: numbers have no gaps. The same message is taken once: a session that moves to another
/// connection may be reached by two ways.
/// Bounds: beyond `most`, beyond `most_bytes`, and while the budget is used up, those are forgotten
/// that the client has been told, and while nobody can be told all but the latest. Thread: one at a
/// time.
class direct_inbox {
public:
  static constexpr std::size_t most = 32;
  static constexpr std::size_t most_bytes = std::size_t{64} * 1024;
  /// So many of the latest it knows again.
  static constexpr std::size_t most_known = 256;

  struct entry {
    std::uint64_t seq;
    direct_ptr what;
    counted_bytes counted;
  };

  explicit direct_inbox(direct_budget& budget) noexcept : budget_(budget) {}

  /// Errors: `std::bad_alloc`; then nothing has changed.
  void add(const direct_ptr& what) {
    if (std::find(known_.begin(), known_.end(), what->number) != known_.end())
      return;
    auto size = what->weight();
    if (known_.size() == known_.capacity() && known_.size() < most_known)
      known_.reserve(std::max<std::size_t>(8, 2 * known_.size()));
    kept_.push_back({last_ + 1, what, {&budget_.meter, size}});
    if (known_.size() < most_known)
      known_.push_back(what->number);
    else
      known_[last_ % most_known] = what->number;
    bytes_ += size;
    ++last_;
  }

  /// The number of the latest; 0: there has been none.
  [[nodiscard]] std::uint64_t last() const noexcept { return last_; }
  /// Whether all behind that number are still here.
  [[nodiscard]] bool has_all_behind(std::uint64_t seq) const noexcept {
    return seq <= last_ && last_ - seq <= kept_.size();
  }
  [[nodiscard]] const std::deque<entry>& kept() const noexcept { return kept_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  /// Forgets all but the latest, as far as the bounds ask for it: nobody can be told now.
  void trim_untold() noexcept {
    if (last_ > 0)
      trim(last_ - 1);
  }
  /// Forgets the oldest up to number `told`, as far as the bounds ask for it.
  void trim(std::uint64_t told) noexcept {
    while (!kept_.empty() && kept_.front().seq <= told && is_beyond_bounds())
      forget_first();
  }
  /// Forgets all up to that number.
  void forget(std::uint64_t told) noexcept {
    while (!kept_.empty() && kept_.front().seq <= told)
      forget_first();
  }

private:
  [[nodiscard]] bool is_beyond_bounds() const noexcept {
    return kept_.size() > most || bytes_ > most_bytes || budget_.is_used_up();
  }
  void forget_first() noexcept {
    bytes_ -= kept_.front().counted.bytes();
    kept_.pop_front();
  }

  direct_budget& budget_;
  std::deque<entry> kept_;           ///< oldest first
  std::vector<std::uint64_t> known_; ///< numbers of messages; a ring, once it is full
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
};

/// What becomes of a direct. Its last owner tells the sender: nobody is left then who could still
/// take it. Thread: any.
class direct_fate {
public:
  /// `tell`: called once, on the thread of the last owner; must not throw.
  explicit direct_fate(std::function<void(protocol::errc)> tell) : tell_(std::move(tell)) {}
  direct_fate(const direct_fate&) = delete;
  direct_fate& operator=(const direct_fate&) = delete;
  ~direct_fate() {
    using protocol::errc;
    tell_(is_taken_ ? errc::ok : is_forbidden_ ? errc::forbidden : errc::user_away);
  }

  /// What one session has answered: `ok`: it has it; `forbidden`: the sender may not; `user_away`:
  /// it takes nothing any more.
  void note(protocol::errc answer) noexcept {
    if (answer == protocol::errc::ok)
      is_taken_.store(true, std::memory_order_relaxed);
    else if (answer == protocol::errc::forbidden)
      is_forbidden_.store(true, std::memory_order_relaxed);
  }

private:
  std::function<void(protocol::errc)> tell_;
  std::atomic<bool> is_taken_{false};
  std::atomic<bool> is_forbidden_{false};
};

/// Counts the sessions of a user on all loops. Its last owner tells the asker.
struct user_count {
  using told = std::function<void(std::size_t connections, std::size_t kept)>;

  explicit user_count(told f) : tell(std::move(f)) {}
  user_count(const user_count&) = delete;
  user_count& operator=(const user_count&) = delete;
  ~user_count() {
    if (was_asked)
      tell(connections, kept);
  }

  told tell;                          ///< must not throw
  std::atomic<bool> was_asked{false}; ///< else nobody is told
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> kept{0};
};

} // namespace troupe::actors
