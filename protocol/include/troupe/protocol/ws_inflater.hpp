#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe::protocol {

class ws_inflation;

/// Lends inflations to all readers of a loop. Most messages need one step, and one inflation serves
/// all of these. To bound memory, only a few of the messages that need more steps are inflated at a
/// time; the others wait, still deflated. Thread: the loop's.
class ws_inflater {
public:
  /// How many of the messages that need more than one step are inflated at a time.
  static constexpr unsigned most_at_once = 4;

  /// An inflation, lent for as long as a message needs it; empty if there is none now.
  class lease {
  public:
    lease() noexcept;
    lease(lease&& other) noexcept;
    lease& operator=(lease&& other) noexcept;
    ~lease();

    [[nodiscard]] explicit operator bool() const noexcept { return from_ != nullptr; }
    [[nodiscard]] ws_inflation* operator->() const noexcept { return inflation_.get(); }

    /// Asks for more than one step. Returns false if `most_at_once` other messages have them.
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

  /// Lends an inflation. `is_long`: the message will need more than one step; then the lease may be
  /// empty. Errors: `std::bad_alloc`.
  [[nodiscard]] lease take(bool is_long);

  /// The most bytes that all payloads of a message can have together: `bytes` of it, deflated as
  /// badly as zlib ever does, in `fragments` fragments.
  [[nodiscard]] static std::uint64_t largest_payload(std::uint64_t bytes,
                                                     std::uint64_t fragments) noexcept;

  /// The bytes for output that stay allocated between messages.
  [[nodiscard]] std::size_t kept_bytes() const noexcept;

private:
  void give_back(lease& l) noexcept;

  std::unique_ptr<ws_inflation> idle_;
  unsigned long_ones_ = 0;
};

} // namespace troupe::protocol
