#include "history.hpp"

namespace troupe::actors {

void history::append(std::uint64_t seq, steady_time at, const frame_set& frames) {
  if (limits_.history_messages == 0)
    return;
  std::size_t size = 0;
  for (auto& f : frames)
    size += f.size();
  entries_.push_back({seq, at, frames, size});
  bytes_ += size;
  trim(at);
}

void history::trim(steady_time now) {
  while (!entries_.empty()
         && (entries_.size() > limits_.history_messages || bytes_ > limits_.history_bytes
             || now - entries_.front().at > limits_.history_age)) {
    bytes_ -= entries_.front().bytes;
    entries_.pop_front();
  }
}

} // namespace troupe::actors
