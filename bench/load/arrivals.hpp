#pragma once

#include <cstdint>

namespace troupe::bench {

/// Which of one publisher's numbered messages one client has received. Among the last 64 numbers,
/// it tells those that came twice from those that came late, after a later one. Older numbers count
/// as late.
class arrivals {
public:
  enum class kind : std::uint8_t { in_order, late, twice };

  /// Numbers begin at 1.
  kind note(std::uint32_t number) noexcept {
    if (number > last_) {
      auto ahead = number - last_;
      seen_ = ahead < 64 ? seen_ << ahead | 1 : 1;
      last_ = number;
      return kind::in_order;
    }
    auto behind = last_ - number;
    if (behind >= 64)
      return kind::late;
    auto bit = std::uint64_t{1} << behind;
    if (seen_ & bit)
      return kind::twice;
    seen_ |= bit;
    return kind::late;
  }

private:
  std::uint32_t last_ = 0;
  std::uint64_t seen_ = 0; ///< bit i: `last_ - i` has come
};

} // namespace troupe::bench
