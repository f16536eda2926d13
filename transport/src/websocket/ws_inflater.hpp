#pragma once

#include "websocket/ws_inflation.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace troupe::transport {

/// Inflates for all readers of a loop. Most messages are done in one step, and one inflation serves
/// them all. Of those that need more a few are under way at a time, so that they hold the memory of
/// a few: the others wait, with what has come. Thread: the loop's.
class ws_inflater {
public:
  /// Of the messages that need more than one step.
  static constexpr unsigned most_at_once = 4;

  /// An inflation for as long as a message needs it; empty: there is none now.
  class lease {
  public:
    lease() = default;
    lease(lease&& other) noexcept
      : from_(std::exchange(other.from_, nullptr)), inflation_(std::move(other.inflation_)),
        is_long_(other.is_long_) {}
    lease& operator=(lease&& other) noexcept {
      std::swap(from_, other.from_);
      std::swap(inflation_, other.inflation_);
      std::swap(is_long_, other.is_long_);
      return *this;
    }
    ~lease() {
      if (from_)
        from_->give_back(*this);
    }

    [[nodiscard]] explicit operator bool() const noexcept { return from_ != nullptr; }
    [[nodiscard]] ws_inflation* operator->() const noexcept { return inflation_.get(); }

    /// The message needs more than one step. False: there are enough of those.
    [[nodiscard]] bool may_go_on() noexcept {
      if (!is_long_ && from_->long_ones_ < most_at_once) {
        is_long_ = true;
        ++from_->long_ones_;
      }
      return is_long_;
    }

  private:
    friend class ws_inflater;
    ws_inflater* from_ = nullptr;
    std::unique_ptr<ws_inflation> inflation_;
    bool is_long_ = false;
  };

  ws_inflater() = default;
  ws_inflater(ws_inflater&&) = default;

  /// `is_long`: the message will need more than one step. Errors: `std::bad_alloc`.
  [[nodiscard]] lease take(bool is_long) {
    lease l;
    if (is_long && long_ones_ >= most_at_once)
      return l;
    l.inflation_ = idle_ ? std::move(idle_) : std::make_unique<ws_inflation>();
    l.from_ = this;
    if (is_long)
      static_cast<void>(l.may_go_on());
    return l;
  }

  /// What the payloads of a message of `bytes` may have, deflated as badly as zlib ever does, in
  /// that many fragments.
  [[nodiscard]] static std::uint64_t largest_payload(std::uint64_t bytes,
                                                     std::uint64_t fragments) noexcept;

  /// Memory for output that is there between messages.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return idle_ ? idle_->kept_bytes() : 0; }

private:
  void give_back(lease& l) noexcept {
    long_ones_ -= l.is_long_ ? 1 : 0;
    l.inflation_->drop();
    idle_ = std::move(l.inflation_);
  }

  std::unique_ptr<ws_inflation> idle_;
  unsigned long_ones_ = 0;
};

} // namespace troupe::transport
