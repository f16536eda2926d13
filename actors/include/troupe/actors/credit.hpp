#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace troupe::actors {

/// What may be in flight for one source of messages at a time.
struct credit_limits {
  std::int64_t messages = 32;
  std::int64_t bytes = 128 * 1024; ///< of all of them; the last one may go beyond
};

class credit;

/// The balance of one source: a session, a room's own output, a server-side member. Thread: any.
///
/// Invariants: the balance is the limits less what live credits hold; the last copy of a message's
/// credit gives its share back exactly once; `on_positive` is called at most once per `pause`, on
/// whichever thread gave the credit back, and must only post.
class credit_account : public std::enable_shared_from_this<credit_account> {
public:
  using notify = std::function<void()>;

  explicit credit_account(credit_limits limits, notify on_positive = {});

  /// Takes `bytes` and one message; the balance may go below zero.
  [[nodiscard]] credit take(std::size_t bytes);

  /// Whether another message may be taken in.
  [[nodiscard]] bool positive() const noexcept;

  /// Asks for `on_positive`. Returns false, and asks for nothing, if the balance is positive
  /// already.
  bool pause();

  /// Notes the bytes by which a message of this source has grown: in another codec it may be seven
  /// times as large. They take no credit; the source accounts for them at its next `take_charged`.
  /// Thread: any.
  void charge(std::size_t bytes) noexcept { charged_.fetch_add(bytes, std::memory_order_relaxed); }

  /// What was charged since the last call.
  [[nodiscard]] std::size_t take_charged() noexcept {
    return charged_.load(std::memory_order_relaxed) == 0
           ? 0
           : charged_.exchange(0, std::memory_order_relaxed);
  }

  /// What live credits hold.
  [[nodiscard]] std::int64_t held_bytes() const noexcept {
    return limits_.bytes - bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t held_messages() const noexcept {
    return limits_.messages - messages_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] const credit_limits& limits() const noexcept { return limits_; }

private:
  friend class credit;
  void give_back(std::size_t bytes);

  const credit_limits limits_;
  notify on_positive_;
  std::atomic<std::int64_t> messages_;
  std::atomic<std::int64_t> bytes_;
  std::atomic<std::size_t> charged_{0};
  std::atomic<bool> paused_{false};
};

/// A share of an account; copies hold it together and the last one gives it back. An empty credit
/// holds nothing. Thread: any.
class credit {
public:
  credit() noexcept = default;
  credit(const credit& other) noexcept : share_(other.share_) {
    if (share_)
      share_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  credit(credit&& other) noexcept : share_(std::exchange(other.share_, nullptr)) {}
  credit& operator=(credit other) noexcept {
    std::swap(share_, other.share_);
    return *this;
  }
  ~credit() { release(); }

  [[nodiscard]] explicit operator bool() const noexcept { return share_ != nullptr; }

  /// Calls `credit_account::charge` of its account; does nothing if empty.
  void charge(std::size_t bytes) const noexcept {
    if (share_)
      share_->account->charge(bytes);
  }

private:
  friend class credit_account;
  struct share {
    std::atomic<std::uint32_t> refs{1};
    std::size_t bytes;
    std::shared_ptr<credit_account> account;
  };

  explicit credit(share* s) noexcept : share_(s) {}
  void release() noexcept;

  share* share_ = nullptr;
};

} // namespace troupe::actors
