#pragma once

#include "messages/messages.hpp"

#include <memory>
#include <utility>

namespace troupe::actors {

/// A wish as its matchmaker takes it: with the metadata of the room that may be made for it. Throws
/// `std::invalid_argument` with a sentence if there is no user, if the time is not from 1 ms to 1
/// h, if the filter is faulty (`protocol::fault_of`), or if a room that is made for it would not
/// fit it, or would have too much metadata.
[[nodiscard]] reservation_request checked_wish(reservation_request wanted);

/// Sends a question to a matchmaker; it is answered, unless this throws.
template <class Call, class Question>
void send_question(const matchmaker_actor& to, std::shared_ptr<Question> asked) {
  asked->set_sent(true);
  try {
    compat::anon_send(to, Call{asked});
  } catch (...) {
    asked->set_sent(false);
    throw;
  }
}

} // namespace troupe::actors
