#pragma once

#include <troupe/protocol/shared_bytes.hpp>

#include <cstddef>
#include <utility>

namespace troupe::actors {

/// Counts bytes against a meter while it lives. The meter outlives it. Thread: any, one at a time.
class counted_bytes {
public:
  counted_bytes() noexcept = default;
  counted_bytes(protocol::memory_meter* meter, std::size_t bytes) noexcept
    : meter_(bytes > 0 ? meter : nullptr), bytes_(bytes) {
    if (meter_)
      meter_->add(bytes_);
  }
  counted_bytes(counted_bytes&& other) noexcept
    : meter_(std::exchange(other.meter_, nullptr)), bytes_(other.bytes_) {}
  counted_bytes& operator=(counted_bytes other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  ~counted_bytes() {
    if (meter_)
      meter_->remove(bytes_);
  }

private:
  protocol::memory_meter* meter_ = nullptr;
  std::size_t bytes_ = 0;
};

} // namespace troupe::actors
