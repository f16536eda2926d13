#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

namespace troupe::protocol {

/// Counts the bytes of all live buffers that were allocated against it. Thread: any.
///
/// Buffers may outlive it: whoever keeps a frame need not know which meter counts it.
class memory_meter {
public:
  memory_meter() : account_(new account) {}
  memory_meter(const memory_meter&) = delete;
  memory_meter& operator=(const memory_meter&) = delete;
  ~memory_meter() { account_->remove(owner_share); }

  void add(std::size_t bytes) noexcept { account_->add(bytes); }
  void remove(std::size_t bytes) noexcept { account_->remove(static_cast<std::int64_t>(bytes)); }
  [[nodiscard]] std::int64_t used_bytes() const noexcept {
    return account_->used.load(std::memory_order_relaxed) - owner_share;
  }

private:
  friend class shared_bytes;
  static constexpr std::int64_t owner_share = std::int64_t{1} << 62;

  /// Lives until the meter and the last of its buffers are gone: `used` is its reference count,
  /// too, of which the meter holds `owner_share`.
  struct account {
    std::atomic<std::int64_t> used{owner_share};
    void add(std::size_t bytes) noexcept {
      used.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
    }
    void remove(std::int64_t bytes) noexcept {
      if (used.fetch_sub(bytes, std::memory_order_acq_rel) == bytes)
        delete this;
    }
  };

  account* const account_;
};

/// A reference-counted, immutable byte string in one allocation. Handles are cheap to copy and may
/// cross threads.
///
/// Invariants: the bytes never change once a second handle exists; a buffer is counted against one
/// meter at a time.
class shared_bytes {
public:
  /// The size of the largest buffer, and so of the largest frame: 4 GiB less one byte.
  static constexpr std::size_t max_bytes = std::numeric_limits<std::uint32_t>::max();
  /// The bytes before `data()` in the same allocation.
  static constexpr std::size_t header_bytes = 24;

  shared_bytes() noexcept = default;

  /// Allocates `size` bytes, counts them against `meter` (may be null) and lets `fill(char*)` write
  /// them. Errors: `std::length_error` beyond `max_bytes`.
  template <class Fill>
  [[nodiscard]] static shared_bytes make(std::size_t size, memory_meter* meter, Fill&& fill) {
    shared_bytes result{allocate(size, meter)};
    std::forward<Fill>(fill)(result.mutable_data());
    return result;
  }

  [[nodiscard]] static shared_bytes copy_of(std::string_view bytes, memory_meter* meter = nullptr);
  [[nodiscard]] static shared_bytes concat(std::span<const std::string_view> parts,
                                           memory_meter* meter = nullptr);

  shared_bytes(const shared_bytes& other) noexcept : block_(other.block_) {
    if (block_)
      block_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  shared_bytes(shared_bytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  shared_bytes& operator=(shared_bytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~shared_bytes() { release(); }

  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }
  [[nodiscard]] const char* data() const noexcept { return block_ ? block_->bytes() : nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return block_ ? block_->size : 0; }
  [[nodiscard]] std::string_view view() const noexcept { return {data(), size()}; }
  [[nodiscard]] bool same_buffer(const shared_bytes& other) const noexcept {
    return block_ == other.block_;
  }

  /// Whether this is the only handle. Another thread may drop its handle at any time; if this is
  /// the only one, no other can appear.
  [[nodiscard]] bool unique() const noexcept {
    return block_ && block_->refs.load(std::memory_order_relaxed) == 1;
  }

  /// How many bytes the buffer counts against a bound of queued bytes: its size, unless it was made
  /// lighter.
  [[nodiscard]] std::size_t weight() const noexcept { return block_ ? block_->weight : 0; }

  /// The weight of the bytes from `begin` to `end`: their share of the whole. Sums of adjacent runs
  /// are exact.
  [[nodiscard]] std::size_t weight(std::uint32_t begin, std::uint32_t end) const noexcept {
    return end - begin == block_->size ? block_->weight : share_of_weight(begin, end);
  }

  /// Makes the buffer as light as `bytes`; it never weighs more than its size.
  /// Precondition: no other thread has a handle.
  void make_lighter(std::size_t bytes) noexcept {
    if (block_ && bytes < block_->weight)
      block_->weight = static_cast<std::uint32_t>(bytes);
  }

  /// Moves the buffer from the meter that counts it, if any, to `meter`.
  /// Thread: any, but one at a time: only one owner moves the buffer, and it has a handle
  /// meanwhile.
  void count_against(memory_meter& meter) noexcept;

private:
  struct block {
    std::atomic<std::uint32_t> refs{1};
    std::uint32_t size = 0;
    std::uint32_t weight = 0;
    memory_meter::account* meter = nullptr;
    [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  };
  static_assert(sizeof(block) == header_bytes);

  explicit shared_bytes(block* b) noexcept : block_(b) {}
  static block* allocate(std::size_t size, memory_meter* meter);
  static void destroy(block* b) noexcept;
  [[nodiscard]] char* mutable_data() noexcept { return block_->bytes(); }
  [[nodiscard]] std::size_t share_of_weight(std::uint32_t begin, std::uint32_t end) const noexcept;

  void release() noexcept {
    if (block_ && block_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy(block_);
  }

  block* block_ = nullptr;
};

} // namespace troupe::protocol
