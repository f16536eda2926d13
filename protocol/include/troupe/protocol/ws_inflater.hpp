#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe::protocol {

class ws_inflation;

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
    lease() noexcept;
    lease(lease&& other) noexcept;
    lease& operator=(lease&& other) noexcept;
    ~lease();

    [[nodiscard]] explicit operator bool() const noexcept { return from_ != nullptr; }
    [[nodiscard]] ws_inflation* operator->() const noexcept { return inflation_.get(); }

    /// The message needs more than one step. False: there are enough of those.
    [[nodiscard]] bool may_go_on() noexcept;

  private:
    friend class ws_inflater;
    ws_inflater* from_ = nullptr;
    std::unique_ptr<ws_inflation> inflation_;
    bool is_long_ = false;
  };

  ws_inflater() noexcept;
  ws_inflater(ws_inflater&&) noexcept;
  ~ws_inflater();

  /// `is_long`: the message will need more than one step. Errors: `std::bad_alloc`.
  [[nodiscard]] lease take(bool is_long);

  /// What the payloads of a message of `bytes` may have, deflated as badly as zlib ever does, in
  /// that many fragments.
  [[nodiscard]] static std::uint64_t largest_payload(std::uint64_t bytes,
                                                     std::uint64_t fragments) noexcept;

  /// Memory for output that is there between messages.
  [[nodiscard]] std::size_t kept_bytes() const noexcept;

private:
  void give_back(lease& l) noexcept;

  std::unique_ptr<ws_inflation> idle_;
  unsigned long_ones_ = 0;
};

} // namespace troupe::protocol
