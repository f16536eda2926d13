#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/seeded_hash.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace troupe::transport {

/// A count for each of many addresses that fades with time: what an address did lately.
///
/// Bound: `most` addresses; one more evicts the one that was counted longest ago. Cost: constant.
/// Thread: one at a time.
class fading_counts {
public:
  /// What is left of `count` after so many seconds; less than a half counts as nothing.
  using fade = std::function<double(double count, double seconds)>;

  fading_counts(fade f, std::size_t most) : fade_(std::move(f)), most_(most) {}

  [[nodiscard]] double left(std::string_view address, actors::steady_time now) const;

  /// Counts one more. Throws `std::bad_alloc`; then nothing has changed.
  void add(std::string_view address, actors::steady_time now);

  [[nodiscard]] std::size_t size() const noexcept { return by_age_.size(); }

private:
  struct entry {
    std::string address;
    double count;
    actors::steady_time at;
  };
  [[nodiscard]] double left(const entry& e, actors::steady_time now) const;
  void forget(std::list<entry>::iterator e) noexcept;
  void drop_faded(actors::steady_time now) noexcept;

  fade fade_;
  std::size_t most_;
  std::list<entry> by_age_; ///< counted longest ago first
  /// The keys are views of strings in `by_age_`.
  std::unordered_map<std::string_view, std::list<entry>::iterator, actors::seeded_hash> entries_;
};

} // namespace troupe::transport
