#include "http/file_windows.hpp"

#include <utility>

namespace troupe::transport {

file_windows::share::share(std::shared_ptr<file_windows> of, std::size_t bytes) noexcept
  : of_(std::move(of)), bytes_(bytes) {}

file_windows::share::share(share&& other) noexcept
  : of_(std::move(other.of_)), bytes_(std::exchange(other.bytes_, 0)) {}

file_windows::share& file_windows::share::operator=(share other) noexcept {
  std::swap(of_, other.of_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

file_windows::share::~share() {
  if (of_)
    of_->give_back(bytes_);
}

file_windows::file_windows(std::shared_ptr<protocol::memory_meter> output,
                           std::int64_t most_bytes) noexcept
  : output_(std::move(output)), most_bytes_(most_bytes) {}

file_windows::share file_windows::take(std::size_t bytes) noexcept {
  auto more = static_cast<std::int64_t>(bytes);
  auto before = bytes_.fetch_add(more, std::memory_order_relaxed);
  output_->add(bytes);
  if (most_bytes_ == 0 || before == 0 || before + more <= most_bytes_)
    return {shared_from_this(), bytes};
  give_back(bytes);
  return {};
}

void file_windows::give_back(std::size_t bytes) noexcept {
  bytes_.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  output_->remove(bytes);
}

} // namespace troupe::transport
