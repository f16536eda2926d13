#pragma once

#include "ws_inflation.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace troupe::transport {

/// Inflates for all readers of a loop. Most messages are done in one step, so that one inflation
/// serves all; a reader whose message takes more has one of its own meanwhile. Thread: the loop's.
class ws_inflater {
public:
  /// Errors: `std::bad_alloc`.
  [[nodiscard]] std::unique_ptr<ws_inflation> take() {
    return idle_ ? std::move(idle_) : std::make_unique<ws_inflation>();
  }
  void give_back(std::unique_ptr<ws_inflation> idle) noexcept { idle_ = std::move(idle); }

  /// What the payloads of a message of `bytes` may have, deflated as badly as zlib ever does, in
  /// that many fragments.
  [[nodiscard]] static std::uint64_t largest_payload(std::uint64_t bytes,
                                                     std::uint64_t fragments) noexcept;

  /// Memory for output that is there between messages.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return idle_ ? idle_->kept_bytes() : 0; }

private:
  std::unique_ptr<ws_inflation> idle_;
};

} // namespace troupe::transport
