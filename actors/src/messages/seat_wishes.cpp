#include "messages/seat_wishes.hpp"

#include <chrono>
#include <stdexcept>
#include <string>

namespace troupe::actors {

using namespace std::chrono_literals;

reservation_request checked_wish(reservation_request wanted) {
  if (wanted.user_id.empty())
    throw std::invalid_argument{"a seat is somebody's: user_id is empty"};
  if (wanted.hold < 1ms || wanted.hold > 1h)
    throw std::invalid_argument{"a seat is held for 1 ms to 1 h, not for "
                                + std::to_string(wanted.hold.count()) + " ms"};
  if (auto* fault = protocol::fault_of(wanted.filter))
    throw std::invalid_argument{fault};
  wanted.metadata = protocol::metadata_of_new_room(wanted.filter, wanted.metadata);
  return wanted;
}

} // namespace troupe::actors
