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
  all_.leave(index_);
}

void member_group::add(session_key who) {
  if (contains(who))
    return;
  make_room(slots_);
  all_.make_room_for(who);
  auto i = static_cast<slot_index>(slots_.size());
  slots_.push_back({who, none, none, false, next_.end()});
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

void member_group::make_room_for_push(bool excludes) {
  if (excludes)
    make_room(next_.exclusions);
  make_room(next_.frames);
  make_room(next_.credits, 2);
}

void member_group::push(protocol::shared_bytes frame, session_key except, const credit& source,
                        const credit& own, steady_time at) {
  if (next_.frames.empty()) {
    next_.since = at;
    all_.set_pending(index_, true);
  }
  if (except) {
    if (auto i = all_.find(except, *this); i != nobody) {
      auto& s = slots_[i];
      next_.exclusions.push_back({next_.end(), i, s.in_next});
      s.in_next = static_cast<std::uint32_t>(next_.exclusions.size() - 1);
    }
  }
  next_.bytes += frame.size();
  next_.frames.push_back(std::move(frame));
  if (source)
    next_.credits.push_back(source);
  if (own)
    next_.credits.push_back(own);
  prefetch_slots();
}

// -- flushing -------------------------------------------------------------------------------------

void member_group::prefetch_first(const session_table& sessions) const noexcept {
  for (std::size_t i = 0; i < std::min(slots_.size(), ahead); ++i)
    sessions.prefetch_entry(slots_[i].who);
}

/// Inlined by force, so that no call lies between the loop and the session's: see `socket_writer`.
member_group::progress member_group::give(slot& s, session_table& sessions,
                                          std::vector<session_key>& gone) {
  auto* output = sessions.find(s.who);
  if (!output) {
    gone.push_back(s.who);
    return {1, 0};
  }
  if (s.is_shared && all_.pending_groups() > 1) {
    auto given = all_.give_all(s.who, *output);
    return {flush_budget::cost(given.bytes), given.frames};
  }
  if (s.in_current == none && s.from <= current_.begin) [[likely]] {
    s.from = current_.end;
    output->write(current_.bytes, {&current_.whole, 1}, current_.frames());
    return {current_.cost, current_.frames()};
  }
  auto frames = parts_for(s);
  s.from = current_.end;
  if (frames > 0)
    output->write(current_.bytes, parts_, frames);
  return {current_.cost, frames};
}

member_group::progress member_group::flush(std::size_t max_cost, bool hold_credits,
                                           session_table& sessions, protocol::memory_meter* meter,
                                           std::vector<session_key>& gone) {
  progress done;
  if (!current_.active) {
    for (std::size_t i = 0; i < std::min(slots_.size(), ahead); ++i)
      sessions.prefetch(slots_[i].who);
    start_batch(meter);
  }
  if (!hold_credits)
    current_.credits.clear();
  while (current_.cursor < slots_.size() && done.cost < max_cost) {
    auto& s = slots_[current_.cursor];
    auto next = current_.cursor + 1;
    if (!s.who || s.from >= current_.end) {
      current_.cursor = next;
      continue;
    }
    if (next < slots_.size()) {
      sessions.prefetch(slots_[next].who);
      if (next + 1 < slots_.size())
        sessions.prefetch_entry(slots_[next + 1].who);
    }
    auto given = give(s, sessions, gone);
    done.cost += given.cost;
    done.frames += given.frames;
    current_.cursor = next; // if memory is short, it is this member's turn again
  }
  if (current_.cursor == slots_.size())
    finish_batch();
  return done;
}

void member_group::start_batch(protocol::memory_meter* meter) {
  if (worth_compacting())
    compact();
  auto count = frames_of_batch();
  std::span<protocol::shared_bytes> frames{next_.frames.data(), count};
  std::size_t size = 0; // of a batch, so it fits an offset
  std::size_t weight = 0;
  current_.offsets.clear();
  make_room(current_.offsets, count + 1);
  if (count < next_.frames.size())
    make_room(current_.exclusions, next_.exclusions.size());
  for (auto& f : frames) {
    current_.offsets.push_back(static_cast<std::uint32_t>(size));
    size += f.size();
    weight += f.weight();
  }
  current_.offsets.push_back(static_cast<std::uint32_t>(size));
  if (count == 1) {
    current_.bytes = std::move(frames.front());
  } else {
    current_.bytes = protocol::shared_bytes::make(size, meter, [frames](char* out) {
      for (auto& f : frames)
        out = std::copy_n(f.data(), f.size(), out);
    });
    current_.bytes.make_lighter(weight);
  }
  current_.active = true; // nothing fails from here on
  current_.whole = {0, static_cast<std::uint32_t>(size)};
  current_.cost = flush_budget::cost(size);
  current_.begin = next_.begin;
  current_.end = next_.begin + count;
  current_.cursor = 0;
  current_.since = next_.since;
  if (count == next_.frames.size())
    take_all();
  else
    take_first(count);
  next_.bytes -= size;
  next_.begin = current_.end;
}

/// How many of the waiting frames the next batch takes: all, unless they are more than it may hold.
std::size_t member_group::frames_of_batch() const noexcept {
  if (next_.bytes <= max_batch_bytes)
    return next_.frames.size();
  std::size_t size = next_.frames.front().size();
  std::size_t count = 1;
  while (count < next_.frames.size() && size + next_.frames[count].size() <= max_batch_bytes)
    size += next_.frames[count++].size();
  return count;
}

void member_group::take_all() {
  current_.exclusions.swap(next_.exclusions);
  current_.credits.swap(next_.credits);
  for (auto& e : current_.exclusions)
    if (e.member != nobody && slots_[e.member].in_next != none)
      slots_[e.member].in_current = std::exchange(slots_[e.member].in_next, none);
  next_.frames.clear();
}

/// Leaves the later frames in `next_`, with their exclusions. Exclusions are in the order of
/// positions; those that stay link only to each other.
void member_group::take_first(std::size_t frames) {
  auto is_before = [](const exclusion& e, std::uint64_t position) { return e.position < position; };
  auto first_left = std::lower_bound(next_.exclusions.begin(), next_.exclusions.end(),
                                     next_.begin + frames, is_before);
  auto taken = static_cast<std::uint32_t>(first_left - next_.exclusions.begin());
  for (std::uint32_t i = 0; i < next_.exclusions.size(); ++i) {
    auto& e = next_.exclusions[i];
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
  current_.exclusions.assign(next_.exclusions.begin(), first_left);
  next_.exclusions.erase(next_.exclusions.begin(), first_left);
  next_.frames.erase(next_.frames.begin(),
                     next_.frames.begin() + static_cast<std::ptrdiff_t>(frames));
}

void member_group::finish_batch() {
  for (auto& e : current_.exclusions)
    if (e.member != nobody)
      slots_[e.member].in_current = none;
  delivered_since_ = current_.since;
  current_.active = false;
  current_.bytes = {};
  current_.offsets.clear();
  current_.exclusions.clear();
  current_.credits.clear();
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
  for (auto& e : next_.exclusions)
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

/// Fills `parts_` with what the member lacks of the batch under way; returns the number of frames
/// in it.
std::uint32_t member_group::parts_for(const slot& s) {
  parts_.clear();
  auto first = std::max(s.from, current_.begin) - current_.begin;
  auto last = current_.end - current_.begin;
  auto frames = static_cast<std::uint32_t>(last - first);
  auto end = current_.offsets[last];
  // Walk the exclusions backwards from the end, newest first, and cut the range before each.
  for (auto i = s.in_current; i != none; i = current_.exclusions[i].older) {
    auto hole = current_.exclusions[i].position - current_.begin;
    if (hole < first)
      break;
    --frames;
    if (current_.offsets[hole + 1] < end)
      parts_.push_back({current_.offsets[hole + 1], end});
    end = current_.offsets[hole];
  }
  if (current_.offsets[first] < end)
    parts_.push_back({current_.offsets[first], end});
  std::reverse(parts_.begin(), parts_.end());
  return frames;
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
  pieces_.clear();
  auto queued = collect(slot, pieces_);
  for (auto& p : pieces_)
    sessions.append(slots_[slot].who, *p.bytes, p.part, p.frames, output_kind::data);
  note_given(slot);
  return queued;
}

std::size_t member_group::collect(slot_index slot, std::vector<output_piece>& out) {
  auto& s = slots_[slot];
  std::size_t frames = 0;
  if (current_.active && s.from < current_.end) {
    auto left = parts_for(s);
    frames += left;
    for (auto& part : parts_) {
      auto in_part = &part == &parts_.back() ? left : frames_in(part);
      left -= in_part;
      out.push_back({&current_.bytes, part, in_part});
    }
  }
  // Backwards, as its exclusions are linked.
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  auto excluded = s.in_next;
  for (auto position = next_.end(); position > std::max(s.from, next_.begin);) {
    --position;
    if (excluded != none && next_.exclusions[excluded].position == position) {
      excluded = next_.exclusions[excluded].older;
      continue;
    }
    auto& f = next_.frames[position - next_.begin];
    out.push_back({&f, {0, static_cast<std::uint32_t>(f.size())}, 1});
    ++frames;
  }
  std::reverse(out.begin() + first, out.end());
  return frames;
}

std::uint32_t member_group::frames_in(byte_range part) const {
  auto first = std::lower_bound(current_.offsets.begin(), current_.offsets.end(), part.begin);
  auto last = std::lower_bound(first, current_.offsets.end(), part.end);
  return static_cast<std::uint32_t>(last - first);
}

} // namespace troupe::actors
