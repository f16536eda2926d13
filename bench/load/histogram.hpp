#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace troupe::bench {

/// Counts durations in microseconds, in buckets that are at most 1.6 % wide (64 for each power of
/// two, as in HdrHistogram).
class histogram {
public:
  void add(std::uint64_t us) noexcept {
    ++buckets_[bucket_of(us)];
    ++count_;
    most_ = us > most_ ? us : most_;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t most() const noexcept { return most_; }

  /// The upper edge of the bucket that holds the quantile `q`, from 0 to 1; 0 if nothing was added.
  [[nodiscard]] std::uint64_t quantile(double q) const noexcept {
    auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      if ((seen += buckets_[i]) > rank)
        return upper_edge(i) < most_ ? upper_edge(i) : most_;
    return most_;
  }

  void clear() noexcept { *this = {}; }

private:
  static constexpr unsigned sub_bits = 6;
  static constexpr std::size_t sub = 1U << sub_bits;

  static std::size_t bucket_of(std::uint64_t us) noexcept {
    if (us < sub)
      return us;
    auto shift = static_cast<unsigned>(std::bit_width(us)) - sub_bits - 1;
    auto at = (shift + 1) * sub + ((us >> shift) - sub);
    return at < bucket_count ? at : bucket_count - 1;
  }
  static std::uint64_t upper_edge(std::size_t bucket) noexcept {
    if (bucket < sub)
      return bucket;
    auto shift = bucket / sub - 1;
    return ((bucket % sub + sub + 1) << shift) - 1;
  }

  static constexpr std::size_t bucket_count = 34 * sub;
  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t most_ = 0;
};

} // namespace troupe::bench
