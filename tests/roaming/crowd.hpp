#pragma once

#include "options.hpp"
#include "roamer.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace troupe::roaming {

/// All clients of the process. They come, and talk and leave at random for the time that the
/// options give; then they stay, whatever happens to their connections, until the process ends.
class crowd {
public:
  crowd(boost::asio::io_context& io, const options& o, report& out);

  void start();

  /// From now on they trust their connections, and each says a last word in its rooms.
  void settle();

private:
  using clock = std::chrono::steady_clock;

  void tick();
  /// How often something happens in this tick that happens `per_second` times.
  std::size_t times(double per_second, double& rest) const;
  roamer& anybody() { return *roamers_[chance_.below(roamers_.size())]; }

  options asked_;
  report& out_;
  dice chance_;
  surroundings around_;
  std::vector<std::unique_ptr<roamer>> roamers_;
  boost::asio::steady_timer timer_;
  clock::time_point end_{}, next_beat_{};
  double messages_ = 0, leaves_ = 0; ///< that are due, in part
  bool settles_ = false;
};

} // namespace troupe::roaming
