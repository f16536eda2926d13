#pragma once

#include <troupe/protocol/shared_bytes.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe::transport {

/// The memory of the windows in which files leave. They count as output of the node. All together
/// have a bound of their own, so that clients that do not read their files have no WebSockets cut.
/// Thread: any.
class file_windows : public std::enable_shared_from_this<file_windows> {
public:
  /// What one answer holds; gives it back as it is destroyed. Thread: any, one at a time.
  class share {
  public:
    share() noexcept = default;
    share(share&& other) noexcept;
    share& operator=(share other) noexcept;
    ~share();
    [[nodiscard]] explicit operator bool() const noexcept { return of_ != nullptr; }

  private:
    friend class file_windows;
    share(std::shared_ptr<file_windows> of, std::size_t bytes) noexcept;
    std::shared_ptr<file_windows> of_;
    std::size_t bytes_ = 0;
  };

  /// `most_bytes`: of all shares; 0: any. A single one always fits.
  file_windows(std::shared_ptr<protocol::memory_meter> output, std::int64_t most_bytes) noexcept;

  /// Takes the memory of a window of `bytes`; an empty share if that is beyond the bound.
  [[nodiscard]] share take(std::size_t bytes) noexcept;

private:
  void give_back(std::size_t bytes) noexcept;

  std::shared_ptr<protocol::memory_meter> output_;
  const std::int64_t most_bytes_;
  std::atomic<std::int64_t> bytes_{0};
};

} // namespace troupe::transport
