#include "fanout/frame_batch.hpp"

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

} // namespace troupe::actors
