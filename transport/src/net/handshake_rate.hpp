#pragma once

#include "text/fading_counts.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <mutex>

namespace troupe::transport {

/// Decides which sockets may begin a TLS handshake. A whole one takes a loop 0.2 to 0.6 ms, as long
/// as dozens of deliveries, so that an address has only so many a second.
///
/// Bound: 10,000 addresses are remembered, those that came last. Thread: any.
class handshake_rate {
public:
  struct limits {
    double per_second = 0;       ///< of one address; 0: none; IPv6 addresses count by /64
    bool count_loopback = false; ///< whether the loopback has a rate
  };

  explicit handshake_rate(limits l);

  /// Counts a handshake and returns true if the address is within its rate. An address may do five
  /// seconds' worth at once, one at least; those that are refused do not count. Throws
  /// `std::bad_alloc`. Cost: constant; a lock.
  [[nodiscard]] bool admit(const boost::asio::ip::address& from, actors::steady_time now);

private:
  static constexpr double burst_seconds = 5;
  static constexpr std::size_t most_addresses = 10'000;

  const limits limits_;
  std::mutex mutex_;
  fading_counts recent_; ///< by address
};

} // namespace troupe::transport
