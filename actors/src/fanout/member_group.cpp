#include "fanout/member_group.hpp"

#include "fanout/flush_budget.hpp"

#include <troupe/actors/make_room.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace troupe::actors {

member_group::~member_group() {
  for (slot_index i = 0; i < slots_.size(); ++i)
    if (slots_[i].who)
      all_.remove(slots_[i].who, *this, i);
  for (auto* batch : {&next_, &current_})
    if (*batch)
      all_.buffers().give_back(std::move(*batch));
  all_.leave(index_);
}

void member_group::add(session_key who) {
  if (contains(who))
    return;
  make_room(slots_);
  all_.make_room_for(who);
  auto i = static_cast<slot_index>(slots_.size());
  slots_.push_back({who, none, none, false, end_});
  all_.add(who, *this, i);
}

bool member_group::remove(session_key who) {
  auto i = all_.find(who, *this);
  if (i == nobody)
    return false;
  set_shared(i, false);
  all_.remove(who, *this, i);
  slots_[i].who = {};
  ++tombstones_;
  if (!pending() && worth_compacting())
    compact();
  return true;
}

void member_group::set_shared(slot_index slot, bool is_shared) noexcept {
  auto& s = slots_[slot];
  if (s.is_shared == is_shared)
    return;
  s.is_shared = is_shared;
  is_shared ? ++shared_ : --shared_;
}

void member_group::make_room_for_push(std::size_t exclusions, bool skippable) {
  if (!next_)
    next_ = all_.buffers().take();
  if (skippable)
    make_room(next_->skippable);
  if (exclusions > 0)
    make_room(next_->exclusions, exclusions);
  make_room(next_->frames);
  make_room(next_->credits, 2);
}

void member_group::push(protocol::shared_bytes frame, session_key except, const credit& source,
                        const credit& own, steady_time at, if_behind for_behind) {
  if (!next_)
    next_ = all_.buffers().take();
  auto& next = *next_;
  if (next.frames.empty()) {
    next.begin = end_;
    next.since = at;
    all_.set_pending(index_, true);
  }
  if (except) {
    if (auto i = all_.find(except, *this); i != nobody) {
      auto& s = slots_[i];
      next.exclusions.push_back({end_, i, s.in_next});
      s.in_next = static_cast<std::uint32_t>(next.exclusions.size() - 1);
    }
  }
  if (for_behind != if_behind::queue)
    next.skippable.push_back({end_, for_behind});
  next.gathered_bytes += frame.size();
  next.frames.push_back(std::move(frame));
  next.end = ++end_;
  if (source)
    next.credits.push_back(source);
  if (own)
    next.credits.push_back(own);
  prefetch_slots();
}

void member_group::exclude(session_key who) {
  auto i = all_.find(who, *this);
  if (i == nobody)
    return;
  auto& next = *next_;
  auto& s = slots_[i];
  if (auto last = end_ - 1;
      s.in_next == none || next.exclusions[s.in_next].position != last) { // named once
    next.exclusions.push_back({last, i, s.in_next});
    s.in_next = static_cast<std::uint32_t>(next.exclusions.size() - 1);
  }
}

// -- flushing -------------------------------------------------------------------------------------

void member_group::prefetch_first(const session_table& sessions) const noexcept {
  for (std::size_t i = 0; i < std::min(slots_.size(), ahead); ++i)
    sessions.prefetch_entry(slots_[i].who);
}

/// Inlined by force, so that no call lies between the loop and the session's: see `socket_writer`.
member_group::progress member_group::give(slot& s, frame_batch& batch, bool may_skip,
                                          session_table& sessions, std::vector<session_key>& gone) {
  auto* output = sessions.find(s.who);
  if (!output) {
    gone.push_back(s.who);
    return {1, 0};
  }
  if (s.is_shared && all_.pending_groups() > 1) {
    auto given = all_.give_all(s.who, *output);
    return {flush_budget::cost(given.bytes), given.frames};
  }
  const auto lacks_all = s.in_current == none && s.from <= batch.begin;
  if (lacks_all && !may_skip) [[likely]] {
    s.from = batch.end;
    output->write(batch.bytes, {&batch.whole, 1}, batch.count());
    return {batch.cost, batch.count()};
  }
  auto skips = may_skip && output->is_behind();
  auto frames = parts_for(s, skips);
  if (skips && !all_.buffers().values.empty())
    return give_with_values(s, frames, *output);
  s.from = batch.end;
  if (frames > 0)
    output->write(batch.bytes, all_.buffers().parts, frames);
  return {batch.cost, frames};
}

/// Gives a member that is behind what `parts_for` has found, of which some are values.
member_group::progress member_group::give_with_values(slot& s, std::uint32_t frames, sink& output) {
  auto& buffers = all_.buffers();
  buffers.pieces.clear();
  collect_current(frames, buffers.pieces);
  s.from = current_->end;
  return {current_->cost, frames + buffers.give_with_values(output)};
}

/// One step of a pipeline: each step waits for nothing, since the one before has begun when the
/// last member was written to.
void member_group::prefetch_states(std::size_t next, const session_table& sessions) const noexcept {
  if (next + 2 < slots_.size())
    sessions.prefetch_entry(slots_[next + 2].who);
  if (next + 1 < slots_.size())
    sessions.prefetch_state_object(slots_[next + 1].who);
  sessions.prefetch_state(slots_[next].who);
}

member_group::progress member_group::flush(std::size_t max_cost, bool hold_credits,
                                           session_table& sessions, protocol::memory_meter* meter,
                                           std::vector<session_key>& gone) {
  progress done;
  if (!current_) {
    for (std::size_t i = 0; i < std::min(slots_.size(), ahead); ++i)
      sessions.prefetch(slots_[i].who);
    start_batch(meter);
  }
  auto& batch = *current_;
  if (!hold_credits)
    batch.credits.clear();
  const auto has_states = sessions.has_states();
  const auto may_skip = !batch.skippable.empty();
  const auto slots = std::span{slots_}; // nobody comes or moves meanwhile
  auto i = batch.cursor;
  for (; i < slots.size() && done.cost < max_cost; batch.cursor = ++i) {
    auto& s = slots[i];
    if (!s.who || s.from >= batch.end)
      continue;
    if (i + 1 < slots.size()) {
      sessions.prefetch(slots[i + 1].who);
      if (i + 2 < slots.size())
        sessions.prefetch_entry(slots[i + 2].who);
      if (has_states)
        prefetch_states(i + 1, sessions);
    }
    auto given =
      give(s, batch, may_skip, sessions, gone); // if it throws, it is this member's turn again
    done.cost += given.cost;
    done.frames += given.frames;
  }
  if (i == slots.size())
    finish_batch();
  return done;
}

void member_group::start_batch(protocol::memory_meter* meter) {
  if (worth_compacting())
    compact();
  auto count = frames_of_batch();
  auto is_all = count == next_->frames.size();
  auto first_part = is_all ? nullptr : all_.buffers().take();
  auto& batch = is_all ? *next_ : *first_part;
  std::span<protocol::shared_bytes> frames{next_->frames.data(), count};
  std::size_t size = 0; // of a batch, so it fits an offset
  std::size_t weight = 0;
  batch.offsets.clear();
  make_room(batch.offsets, count + 1);
  if (!is_all) {
    make_room(batch.exclusions, next_->exclusions.size());
    make_room(batch.skippable, next_->skippable.size());
  }
  for (auto& f : frames) {
    batch.offsets.push_back(static_cast<std::uint32_t>(size));
    size += f.size();
    weight += f.weight();
  }
  batch.offsets.push_back(static_cast<std::uint32_t>(size));
  if (count == 1) {
    batch.bytes = std::move(frames.front());
  } else {
    batch.bytes = protocol::shared_bytes::make(size, meter, [frames](char* out) {
      for (auto& f : frames)
        out = std::copy_n(f.data(), f.size(), out);
    });
    batch.bytes.make_lighter(weight);
  }
  // Nothing fails from here on.
  batch.whole = {0, static_cast<std::uint32_t>(size)};
  batch.cost = flush_budget::cost(size);
  batch.cursor = 0;
  if (is_all)
    take_all();
  else
    take_first(count, std::move(first_part));
}

/// How many of the waiting frames the next batch takes: all, unless they are more than it may hold.
std::size_t member_group::frames_of_batch() const noexcept {
  auto& frames = next_->frames;
  if (next_->gathered_bytes <= max_batch_bytes)
    return frames.size();
  std::size_t size = frames.front().size();
  std::size_t count = 1;
  while (count < frames.size() && size + frames[count].size() <= max_batch_bytes)
    size += frames[count++].size();
  return count;
}

void member_group::take_all() noexcept {
  current_ = std::move(next_);
  current_->frames.clear();
  current_->gathered_bytes = 0;
  for (auto& e : current_->exclusions)
    if (e.member != nobody && slots_[e.member].in_next != none)
      slots_[e.member].in_current = std::exchange(slots_[e.member].in_next, none);
}

/// Leaves the later frames in `next_`, with their exclusions. Exclusions are in the order of
/// positions; those that stay link only to each other. Precondition: `batch` has room.
void member_group::take_first(std::size_t frames, std::unique_ptr<frame_batch> batch) noexcept {
  auto& left = *next_;
  batch->begin = left.begin;
  batch->end = left.begin + frames;
  batch->since = left.since;
  auto is_before = [](const frame_batch::exclusion& e, std::uint64_t position) {
    return e.position < position;
  };
  auto first_left =
    std::lower_bound(left.exclusions.begin(), left.exclusions.end(), batch->end, is_before);
  auto taken = static_cast<std::uint32_t>(first_left - left.exclusions.begin());
  for (std::uint32_t i = 0; i < left.exclusions.size(); ++i) {
    auto& e = left.exclusions[i];
    if (i >= taken)
      e.older = e.older != none && e.older >= taken ? e.older - taken : none;
    if (e.member == nobody)
      continue;
    auto& s = slots_[e.member];
    if (i < taken) {
      s.in_current = i; // the newest comes last
      s.in_next = none;
    } else {
      s.in_next = i - taken;
    }
  }
  batch->exclusions.assign(left.exclusions.begin(), first_left);
  left.exclusions.erase(left.exclusions.begin(), first_left);
  auto first_skippable =
    std::lower_bound(left.skippable.begin(), left.skippable.end(), batch->end,
                     [](auto& frame, std::uint64_t position) { return frame.position < position; });
  batch->skippable.assign(left.skippable.begin(), first_skippable);
  left.skippable.erase(left.skippable.begin(), first_skippable);
  left.frames.erase(left.frames.begin(), left.frames.begin() + static_cast<std::ptrdiff_t>(frames));
  left.begin = batch->end;
  left.gathered_bytes -= batch->whole.size();
  current_ = std::move(batch);
}

void member_group::finish_batch() {
  for (auto& e : current_->exclusions)
    if (e.member != nobody)
      slots_[e.member].in_current = none;
  delivered_since_ = current_->since;
  all_.buffers().give_back(std::move(current_));
  if (pending())
    return;
  all_.set_pending(index_, false);
  if (worth_compacting())
    compact();
}

bool member_group::worth_compacting() const noexcept {
  return empty() || (tombstones_ > 16 && tombstones_ * 2 > slots_.size());
}

/// Drops tombstones. Precondition: no batch is under way, so `in_current` is free to hold where a
/// slot moves to.
void member_group::compact() noexcept {
  if (tombstones_ == 0)
    return;
  slot_index kept = 0;
  for (auto& s : slots_)
    s.in_current = s.who ? kept++ : nobody;
  // The links of an exclusion name exclusions, not slots; only its member has moved (to `nobody` if
  // it has left).
  if (next_)
    for (auto& e : next_->exclusions)
      e.member = e.member == nobody ? nobody : slots_[e.member].in_current;
  for (slot_index i = 0; i < slots_.size(); ++i) {
    auto& s = slots_[i];
    if (!s.who)
      continue;
    auto to = std::exchange(s.in_current, none);
    all_.move(s.who, *this, i, to);
    slots_[to] = s;
  }
  slots_.resize(kept);
  tombstones_ = 0;
}

/// Fills the shared `parts` with what the member lacks of the batch under way; returns the number
/// of frames in it. `skips`: the member is behind; then `values` are those that lie between them.
std::uint32_t member_group::parts_for(const slot& s, bool skips) {
  auto& batch = *current_;
  auto& parts = all_.buffers().parts;
  auto& values = all_.buffers().values;
  parts.clear();
  values.clear();
  auto first = std::max(s.from, batch.begin) - batch.begin;
  auto last = batch.end - batch.begin;
  auto frames = static_cast<std::uint32_t>(last - first);
  auto end = batch.offsets[last];
  // Walk the exclusions, and what is skipped, backwards from the end, newest first, and cut the
  // range before each.
  auto excluded = s.in_current;
  auto skippable = skips ? batch.skippable.size() : 0;
  while (excluded != none || skippable > 0) {
    auto to_skip = skippable > 0 ? batch.skippable[skippable - 1].position : 0;
    auto is_excluded = excluded != none && batch.exclusions[excluded].position >= to_skip;
    auto position = is_excluded ? batch.exclusions[excluded].position : to_skip;
    if (skippable > 0 && to_skip == position)
      --skippable;
    if (is_excluded)
      excluded = batch.exclusions[excluded].older;
    if (position < batch.begin + first)
      break;
    auto hole = position - batch.begin;
    --frames;
    if (!is_excluded)
      note_skipped(batch, hole, batch.skippable[skippable].what);
    if (batch.offsets[hole + 1] < end)
      parts.push_back({batch.offsets[hole + 1], end});
    end = batch.offsets[hole];
  }
  if (batch.offsets[first] < end)
    parts.push_back({batch.offsets[first], end});
  std::reverse(parts.begin(), parts.end());
  if (skips)
    std::reverse(values.begin(), values.end());
  return frames;
}

/// `frame`: its place in the batch.
void member_group::note_skipped(const frame_batch& batch, std::size_t frame, if_behind what) {
  if (is_value(what))
    all_.buffers().values.push_back({{batch.offsets[frame], batch.offsets[frame + 1]}, what});
  else
    ++all_.buffers().skipped;
}

// -- catching up ----------------------------------------------------------------------------------

std::size_t member_group::catch_up(session_key who, session_table& sessions) {
  auto i = all_.find(who, *this);
  return i == nobody ? 0 : catch_up(i, sessions);
}

std::size_t member_group::catch_up_all(session_table& sessions) {
  std::size_t queued = 0;
  for (slot_index i = 0; i < slots_.size(); ++i)
    if (slots_[i].who)
      queued += catch_up(i, sessions);
  return queued;
}

std::size_t member_group::catch_up(slot_index slot, session_table& sessions) {
  auto& pieces = all_.buffers().pieces;
  pieces.clear();
  auto* output = sessions.find(slots_[slot].who);
  auto queued = collect(slot, output, pieces);
  for (auto& p : pieces)
    if (is_value(p.value)) // so it is behind, and needs no flush
      queued += all_.buffers().put(p, *output);
    else
      sessions.append(slots_[slot].who, *p.bytes, p.part, p.frames, output_kind::data);
  note_given(slot);
  return queued;
}

std::size_t member_group::collect(slot_index slot, const sink* output,
                                  std::vector<output_piece>& out) {
  auto& s = slots_[slot];
  std::size_t frames = 0;
  auto skips = [output](const frame_batch& b) {
    return !b.skippable.empty() && output && output->is_behind();
  };
  if (current_ && s.from < current_->end) {
    auto in_current = parts_for(s, skips(*current_));
    frames += in_current;
    collect_current(in_current, out);
  }
  if (!gathers())
    return frames;
  // Backwards, as its exclusions are linked.
  auto& next = *next_;
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  auto excluded = s.in_next;
  auto skippable = skips(next) ? next.skippable.size() : 0;
  auto add = [&](std::uint64_t position, if_behind what) {
    auto& f = next.frames[position - next.begin];
    out.push_back({&f, {0, static_cast<std::uint32_t>(f.size())}, 1, what});
  };
  for (auto position = next.end; position > std::max(s.from, next.begin);) {
    --position;
    if (skippable > 0 && next.skippable[skippable - 1].position == position) {
      auto what = next.skippable[--skippable].what;
      if (excluded == none || next.exclusions[excluded].position != position) {
        if (is_value(what)) {
          add(position, what);
          all_.buffers().has_values = true;
        } else {
          ++all_.buffers().skipped;
        }
        continue;
      }
    }
    if (excluded != none && next.exclusions[excluded].position == position) {
      excluded = next.exclusions[excluded].older;
      continue;
    }
    add(position, if_behind::queue);
    ++frames;
  }
  std::reverse(out.begin() + first, out.end());
  return frames;
}

/// Adds what `parts_for` has found, `frames` and the values between them.
void member_group::collect_current(std::uint32_t frames, std::vector<output_piece>& out) {
  auto& parts = all_.buffers().parts;
  auto& values = all_.buffers().values;
  auto value = values.begin();
  auto add_values_before = [&](std::uint32_t offset) {
    for (; value != values.end() && value->part.begin < offset; ++value)
      out.push_back({&current_->bytes, value->part, 1, value->name});
  };
  for (auto& part : parts) {
    add_values_before(part.begin);
    auto in_part = &part == &parts.back() ? frames : frames_in(part);
    frames -= in_part;
    out.push_back({&current_->bytes, part, in_part});
  }
  all_.buffers().has_values |= !values.empty();
  add_values_before(current_->whole.end);
}

std::uint32_t member_group::frames_in(byte_range part) const {
  auto& offsets = current_->offsets;
  auto first = std::lower_bound(offsets.begin(), offsets.end(), part.begin);
  auto last = std::lower_bound(first, offsets.end(), part.end);
  return static_cast<std::uint32_t>(last - first);
}

} // namespace troupe::actors
