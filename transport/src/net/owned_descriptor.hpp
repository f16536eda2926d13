#pragma once

#include <unistd.h>

#include <utility>

namespace troupe::transport {

/// A descriptor that is closed at the end of its owner's life unless it was released.
class owned_descriptor {
public:
  explicit owned_descriptor(int d = -1) noexcept : descriptor_(d) {}
  owned_descriptor(owned_descriptor&& other) noexcept : descriptor_(other.release()) {}
  owned_descriptor& operator=(owned_descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~owned_descriptor() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }
  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

private:
  int descriptor_;
};

} // namespace troupe::transport
