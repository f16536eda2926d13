#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace troupe::transport {

/// The bytes of a message that comes in parts. It doubles its memory as they come, but not beyond
/// what the message was declared to have.
class ws_parts {
public:
  /// Room for the next `size` bytes, which the caller writes. `declared`: of the message, as far as
  /// known; at least what has come with them. Errors: `std::bad_alloc`, and nothing has changed.
  [[nodiscard]] char* grow(std::size_t size, std::uint64_t declared) {
    const auto needed = size_ + size;
    if (needed > capacity_)
      reserve(std::max<std::uint64_t>(needed, std::min<std::uint64_t>(2 * capacity_, declared)));
    return bytes_.get() + std::exchange(size_, needed);
  }

  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
  void reserve(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    std::copy_n(bytes_.get(), size_, larger.get());
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace troupe::transport
