#include "messages/outside_question.hpp"

#include <utility>

namespace troupe::actors {

outside_question::outside_question(std::string user_id, const std::vector<protocol::field>& data,
                                   std::chrono::milliseconds limit, outside_request_handler then,
                                   protocol::logger& log, protocol::event_counters& counters)
  : user_id_(std::move(user_id)),
    data_(broadcast_event{{}, data, {}}),
    limit_(limit),
    then_(std::move(then)),
    log_(log),
    counters_(counters) {}

outside_question::~outside_question() {
  if (is_accepted_)
    answer({{}, protocol::errc::room_closed});
}

void outside_question::answer(const request_result& result) noexcept {
  auto then = std::exchange(then_, nullptr);
  if (!then)
    return;
  try {
    then(result);
  } catch (...) {
    protocol::report_exception(log_, counters_, "request");
  }
}

} // namespace troupe::actors
