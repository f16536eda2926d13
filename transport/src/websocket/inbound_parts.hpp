#pragma once

#include <troupe/actors/event_loop.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::transport {

class inbound_parts;

/// Who has received messages in part, over all loops of a server. Fixed but for its atomics once
/// the server runs.
struct inbound_account {
  protocol::memory_meter* meter = nullptr; ///< the node's: bytes of all parts
  std::int64_t budget_bytes = 0;           ///< 0: no bound
  std::vector<std::unique_ptr<inbound_parts>> loops;
  std::atomic<std::size_t> holders{0};

  /// Whether a connection has to give up its parts; the only one that holds any may finish.
  [[nodiscard]] bool exceeded() const noexcept {
    return budget_bytes > 0 && meter->used_bytes() > budget_bytes
        && holders.load(std::memory_order_relaxed) > 1;
  }
};

/// The messages that one loop's connections have received in part. While those of all loops exceed
/// their budget, the connection that has held parts for longest gives them up, on whichever loop it
/// is.
///
/// Invariant: shares lie in the order in which they began. Cost: constant; nothing but a look at an
/// atomic within the budget. Thread: the loop's, but for `oldest`.
class inbound_parts {
public:
  /// Who holds parts. `give_up_input` is called from the loop, never from within `share::resize`.
  /// From that call on the parts do not count any more; they are to be freed within a few handlers.
  class holder {
  public:
    virtual void give_up_input() = 0;

  protected:
    ~holder() = default;
  };

  /// What one connection holds of a message that is not whole yet, from the first part on. It
  /// leaves the account as it is destroyed.
  class share {
  public:
    share(inbound_parts& of, holder& who);
    share(const share&) = delete;
    share& operator=(const share&) = delete;
    ~share();

    /// Holds `bytes` from now on.
    void resize(std::size_t bytes) noexcept;

  private:
    friend class inbound_parts;
    inbound_parts& of_;
    holder& who_;
    std::int64_t since_;
    std::size_t bytes_ = 0;
    share* older_;
    share* newer_ = nullptr;
    bool counts_ = true;

    void stop_counting() noexcept;
  };

  inbound_parts(inbound_account& all, actors::event_loop& loop) : all_(all), loop_(loop) {}

  /// When the oldest share began, in ticks of the clock; `nobody` without one. Thread: any.
  [[nodiscard]] std::int64_t oldest() const noexcept {
    return oldest_since_.load(std::memory_order_relaxed);
  }
  static constexpr std::int64_t nobody = INT64_MAX;

private:
  void make_room_soon() noexcept;
  void make_room();
  void note_oldest() noexcept {
    oldest_since_.store(oldest_ ? oldest_->since_ : nobody, std::memory_order_relaxed);
  }

  inbound_account& all_;
  actors::event_loop& loop_;
  share* oldest_ = nullptr;
  share* newest_ = nullptr;
  std::atomic<std::int64_t> oldest_since_{nobody};
  std::atomic<bool> called_{false}; ///< `make_room` is on its way
};

} // namespace troupe::transport
