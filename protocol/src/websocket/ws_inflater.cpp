#include <troupe/protocol/ws_inflater.hpp>

#include "websocket/ws_inflation.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::protocol {

// -- lease ----------------------------------------------------------------------------------------

ws_inflater::lease::lease() noexcept = default;

ws_inflater::lease::lease(lease&& other) noexcept
  : from_(std::exchange(other.from_, nullptr)),
    inflation_(std::move(other.inflation_)),
    is_long_(other.is_long_) {}

ws_inflater::lease& ws_inflater::lease::operator=(lease&& other) noexcept {
  std::swap(from_, other.from_);
  std::swap(inflation_, other.inflation_);
  std::swap(is_long_, other.is_long_);
  return *this;
}

ws_inflater::lease::~lease() {
  if (from_)
    from_->give_back(*this);
}

bool ws_inflater::lease::may_go_on() noexcept {
  if (!is_long_ && from_->long_ones_ < most_at_once) {
    is_long_ = true;
    ++from_->long_ones_;
  }
  return is_long_;
}

// -- ws_inflater ----------------------------------------------------------------------------------

ws_inflater::ws_inflater() noexcept = default;
ws_inflater::ws_inflater(ws_inflater&&) noexcept = default;
ws_inflater::~ws_inflater() = default;

ws_inflater::lease ws_inflater::take(bool is_long) {
  lease l;
  if (is_long && long_ones_ >= most_at_once)
    return l;
  l.inflation_ = idle_ ? std::move(idle_) : std::make_unique<ws_inflation>();
  l.from_ = this;
  if (is_long)
    static_cast<void>(l.may_go_on());
  return l;
}

std::uint64_t ws_inflater::largest_payload(std::uint64_t bytes, std::uint64_t fragments) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<uInt>::max(), flush_bytes = 16;
  return std::min(most,
                  bytes + bytes / 8 + bytes / 64 + flush_bytes * std::min(fragments + 1, most));
}

std::size_t ws_inflater::kept_bytes() const noexcept { return idle_ ? idle_->kept_bytes() : 0; }

void ws_inflater::give_back(lease& l) noexcept {
  long_ones_ -= l.is_long_ ? 1 : 0;
  l.inflation_->drop();
  idle_ = std::move(l.inflation_);
}

} // namespace troupe::protocol
