#include <troupe/actors/make_room.hpp>
#include <troupe/actors/session_table.hpp>

#include <utility>

namespace troupe::actors {

session_key session_table::open(sink& output) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(entries_.size());
    // each session is in each list at most once: the lists do not grow later
    for (auto* list : {&free_, &touched_, &flushing_})
      make_room(*list, entries_.size() + 1 - list->size());
    make_room(states_);
    entries_.emplace_back();
    states_.push_back(nullptr);
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  auto& e = entries_[slot];
  e.output = &output;
  states_[slot] = output.state();
  with_state_ += states_[slot] ? 1 : 0;
  if (++e.generation == 0)
    e.generation = 1;
  ++open_;
  return {slot, e.generation, loop_};
}

void session_table::bind(session_key key, std::unique_ptr<session_owner> owner) {
  if (find(key))
    entries_[key.slot].owner = std::move(owner);
}

void session_table::close(session_key key) {
  if (!find(key))
    return;
  auto& e = entries_[key.slot];
  e.output = nullptr;
  with_state_ -= std::exchange(states_[key.slot], nullptr) ? 1 : 0;
  ++e.generation; // a late message finds nobody even before the slot is used again
  auto owner = std::move(e.owner);
  free_.push_back(key.slot);
  --open_;
}

bool session_table::append(session_key key, const protocol::shared_bytes& bytes, byte_range part,
                           std::uint32_t frames, output_kind kind) {
  auto* output = find(key);
  if (!output)
    return false;
  output->append(bytes, part, frames, kind);
  touch(key);
  return true;
}

void session_table::touch(session_key key) {
  if (!find(key) || entries_[key.slot].touched)
    return;
  entries_[key.slot].touched = true;
  touched_.push_back(key.slot);
}

void session_table::flush_touched() {
  flushing_.swap(touched_);
  for (auto slot : flushing_) {
    auto& e = entries_[slot];
    e.touched = false;
    if (e.output)
      e.output->flush();
  }
  flushing_.clear();
}

sink* session_table::oldest_backlog() const {
  sink* oldest = nullptr;
  std::optional<steady_time> since;
  for (auto& e : entries_) {
    if (!e.output)
      continue;
    auto queued = e.output->oldest_queued();
    if (queued && (!since || *queued < *since)) {
      since = queued;
      oldest = e.output;
    }
  }
  return oldest;
}

} // namespace troupe::actors
