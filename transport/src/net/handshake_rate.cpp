#include "net/handshake_rate.hpp"

#include "net/admission.hpp"

#include <algorithm>

namespace troupe::transport {

handshake_rate::handshake_rate(limits l)
  : limits_(l),
    recent_([rate = l.per_second](double count,
                                  double seconds) { return std::max(0.0, count - rate * seconds); },
            most_addresses) {}

bool handshake_rate::admit(const boost::asio::ip::address& from, actors::steady_time now) {
  if (limits_.per_second <= 0)
    return true;
  auto address = counted_as(from, limits_.count_loopback);
  if (address.empty())
    return true;
  auto burst = std::max(1.0, burst_seconds * limits_.per_second);
  std::lock_guard guard{mutex_};
  if (recent_.left(address, now) + 1 > burst)
    return false;
  recent_.add(address, now);
  return true;
}

} // namespace troupe::transport
