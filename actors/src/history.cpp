#include "history.hpp"

#include <algorithm>

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

void history::prefetch_oldest() const noexcept {
  if (entries_.empty())
    return;
  auto* entry = reinterpret_cast<const char*>(&entries_.front());
  __builtin_prefetch(entry, 1);
  __builtin_prefetch(entry + sizeof(history::entry) - 1, 1);
}

void history::prefetch_oldest_frames() const noexcept {
  constexpr std::size_t line = 64;
  constexpr std::size_t enough = 8 * line;
  if (entries_.empty())
    return;
  auto& oldest = entries_.front(); // how long each of its frames is, its block knows, which is not near yet
  for (auto& f : oldest.frames)
    for (std::size_t at = 0; f && at < std::min(oldest.bytes, enough); at += line)
      __builtin_prefetch(f.data() - 1 + at, 1);
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
