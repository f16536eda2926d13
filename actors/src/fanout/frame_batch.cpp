#include "fanout/frame_batch.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

std::unique_ptr<frame_batch> group_buffers::take() {
  if (spare_.empty())
    return std::make_unique<frame_batch>();
  auto batch = std::move(spare_.back());
  spare_.pop_back();
  return batch;
}

void group_buffers::give_back(std::unique_ptr<frame_batch> batch) noexcept {
  auto& b = *batch;
  auto is_large = b.frames.capacity() > most_frames || b.exclusions.capacity() > most_frames
               || b.skippable.capacity() > most_frames || b.credits.capacity() > 2 * most_frames
               || b.offsets.capacity() > 2 * most_frames;
  if (is_large || spare_.size() == most_spare)
    return;
  b.frames.clear();
  b.exclusions.clear();
  b.skippable.clear();
  b.credits.clear();
  b.offsets.clear();
  b.bytes = {};
  b.gathered_bytes = 0;
  spare_.push_back(std::move(batch));
}

std::size_t group_buffers::put(const output_piece& value, sink& output) {
  auto fate = output.put_value(*value.bytes, value.part, value.value);
  skipped += fate == value_fate::dropped ? 1 : 0;
  replaced += fate == value_fate::replaced ? 1 : 0;
  return fate == value_fate::dropped ? 0 : 1;
}

std::size_t group_buffers::give_with_values(sink& output) {
  std::size_t queued = 0;
  auto is_one = [](const output_piece& p) { return is_value(p.value); };
  for (auto next = pieces.begin(); next != pieces.end();) {
    auto value = std::find_if(next, pieces.end(), is_one);
    if (value != next)
      output.write_all({next, value});
    next = value;
    for (; next != pieces.end() && is_one(*next); ++next)
      queued += put(*next, output);
  }
  return queued;
}

} // namespace troupe::actors
