#include <troupe/actors/outbox.hpp>

#include <troupe/actors/make_room.hpp>
#include <troupe/protocol/frame.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace troupe::actors {
namespace {

/// Counts the frames in `part`, which is a run of whole frames or the rest of such a run.
std::uint32_t frames_in(std::string_view frames, byte_range part) {
  std::uint32_t n = 0;
  for (std::size_t at = protocol::frame_around(frames, part.begin).begin; at < part.end; ++n)
    at += protocol::frame_length(frames.substr(at));
  return n;
}

/// A copy of `part`, if its buffer is more than twice as large: values of as many buffers would
/// keep far more than they count. None if it is not, or without memory.
protocol::shared_bytes copy_of_small(const protocol::shared_bytes& bytes, byte_range part,
                                     protocol::memory_meter* meter) noexcept {
  constexpr std::size_t little = 64;
  if (bytes.size() <= std::size_t{2} * part.size() + little)
    return {};
  try {
    auto copy =
      protocol::shared_bytes::copy_of(bytes.view().substr(part.begin, part.size()), meter);
    copy.make_lighter(bytes.weight(part.begin, part.end));
    return copy;
  } catch (const std::bad_alloc&) {
    return {};
  }
}

} // namespace

void outbox::queue(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t frames,
                   output_kind kind, steady_time now) {
  make_room(entries_);
  if (empty())
    progress_ = now;
  auto& e = entries_.emplace_back(entry_of(bytes, part));
  e.frames = frames;
  e.kind = kind;
  e.is_value = false;
  e.queued_at = now;
  bytes_of(kind) += part.size();
  weight_ += e.weight();
  frames_ += frames;
}

/// Copies `part` if its buffer is much larger, so that a slow reader does not keep the whole of it.
/// The copy begins at the start of a frame, because `cut` looks for that. Without memory for a
/// copy, the entry keeps the buffer itself.
outbox::entry outbox::entry_of(const protocol::shared_bytes& bytes,
                               byte_range part) const noexcept {
  constexpr std::size_t large = 4096, much_larger = 8;
  if (bytes.size() < large || part.size() * much_larger >= bytes.size())
    return {bytes, part};
  try {
    auto begin = static_cast<std::uint32_t>(protocol::frame_around(bytes.view(), part.begin).begin);
    if ((part.end - begin) * much_larger >= bytes.size())
      return {bytes, part};
    auto copy =
      protocol::shared_bytes::copy_of(bytes.view().substr(begin, part.end - begin), meter_);
    copy.make_lighter(bytes.weight(begin, part.end));
    return {std::move(copy), {part.begin - begin, part.end - begin}};
  } catch (const std::bad_alloc&) {
    return {bytes, part};
  }
}

/// `broken` if there is no memory: what it cannot keep may be half a frame, and nothing can follow.
outbox::status outbox::queue_rest(const protocol::shared_bytes& bytes,
                                  std::span<const byte_range> parts, std::size_t taken,
                                  std::uint32_t frames, steady_time now) noexcept {
  try {
    make_room(entries_, parts.size());
  } catch (...) {
    return status::broken;
  }
  bool all = taken == 0 && parts.size() == 1;
  for (auto part : parts) {
    auto gone = static_cast<std::uint32_t>(std::min<std::size_t>(taken, part.size()));
    taken -= gone;
    part.begin += gone;
    if (part.size() > 0)
      queue(bytes, part, all ? frames : frames_in(bytes.view(), part), output_kind::data, now);
  }
  return status::blocked;
}

outbox::status outbox::queue_rest(std::span<const output_piece> pieces, std::size_t taken,
                                  steady_time now) noexcept {
  try {
    make_room(entries_, pieces.size());
  } catch (...) {
    return status::broken;
  }
  for (auto& p : pieces) {
    auto left = p.part;
    auto gone = static_cast<std::uint32_t>(std::min<std::size_t>(taken, left.size()));
    taken -= gone;
    left.begin += gone;
    if (left.size() > 0)
      queue(*p.bytes, left, gone == 0 ? p.frames : frames_in(p.bytes->view(), left),
            output_kind::data, now);
  }
  return status::blocked;
}

/// Copies runs of small pieces side by side; large ones are sent from where they lie.
outbox::chunk outbox::gather(std::span<const output_piece> pieces, char* copies,
                             std::array<iovec, max_parts>& out) noexcept {
  chunk taken;
  auto* end = copies;
  auto* run = copies; // where the last part ends, if it is a run of copies
  for (auto& p : pieces) {
    auto* bytes = const_cast<char*>(p.bytes->data()) + p.part.begin;
    std::size_t size = p.part.size();
    bool copied =
      size <= small_bytes && size <= static_cast<std::size_t>(copies + copied_bytes - end);
    if (copied)
      bytes = static_cast<char*>(std::memcpy(end, bytes, size));
    if (copied && taken.parts > 0 && run == end) {
      out[static_cast<std::size_t>(taken.parts) - 1].iov_len += size;
    } else {
      if (static_cast<std::size_t>(taken.parts) == max_parts)
        break;
      out[static_cast<std::size_t>(taken.parts++)] = {bytes, size};
    }
    if (copied)
      run = end += size;
    else
      run = nullptr;
    ++taken.pieces;
    taken.bytes += size;
  }
  return taken;
}

// -- values ---------------------------------------------------------------------------------------

/// The index of the value of that name of which nothing has been written; the number of entries if
/// there is none.
std::size_t outbox::find_value(if_behind name) const noexcept {
  std::size_t left = values_;
  for (auto i = entries_.size(); left > 0 && i > head_;) {
    auto& e = entries_[--i];
    if (!e.is_value)
      continue;
    if (e.name == name)
      return i;
    --left;
  }
  return entries_.size();
}

/// Whether a value of that weight fits in the place of the one at index `before`, if there is one.
bool outbox::has_room_for(std::size_t weight, std::size_t before) const noexcept {
  auto is_new = before == entries_.size();
  std::size_t others = values_ - (is_new ? 0u : 1u);
  if (others == 0)
    return true;
  auto bytes = value_weight_ - (is_new ? 0 : entries_[before].weight()) + weight;
  return others < std::min<std::size_t>(bounds_.max_values(),
                                        std::numeric_limits<decltype(values_)>::max())
      && bytes <= std::min<std::size_t>(bounds_.max_value_bytes(),
                                        std::numeric_limits<decltype(value_weight_)>::max());
}

void outbox::note_gone(const entry& value) noexcept {
  bytes_of(value.kind) -= value.left.size();
  value_weight_ -= static_cast<std::uint32_t>(value.weight());
  --values_;
}

value_fate outbox::put_value(const protocol::shared_bytes& bytes, byte_range part, if_behind name,
                             steady_time now) noexcept {
  auto before = find_value(name);
  auto is_new = before == entries_.size();
  if (sealed_ || !has_room_for(bytes.weight(part.begin, part.end), before))
    return value_fate::dropped;
  entry fresh{bytes, part};
  if (auto copy = copy_of_small(bytes, part, meter_))
    fresh = {std::move(copy), {0, part.size()}};
  fresh.frames = 1;
  fresh.kind = output_kind::data;
  fresh.is_value = true;
  fresh.name = name;
  if (is_new) {
    try {
      make_room(entries_);
    } catch (...) {
      return value_fate::dropped;
    }
    if (empty())
      progress_ = now;
  } else { // that is no progress, even if it was all that waited
    note_gone(entries_[before]);
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(before));
  }
  bytes_of(fresh.kind) += part.size();
  value_weight_ += static_cast<std::uint32_t>(fresh.weight());
  ++values_;
  entries_.push_back(std::move(fresh));
  return is_new ? value_fate::queued : value_fate::replaced;
}

std::size_t outbox::drop_values() noexcept {
  if (values_ == 0)
    return 0;
  auto waits = [this](entry& e) {
    auto is_whole = e.is_value && is_value(e.name);
    if (is_whole)
      note_gone(e);
    return is_whole;
  };
  auto first = entries_.begin() + static_cast<std::ptrdiff_t>(head_);
  auto left = std::remove_if(first, entries_.end(), waits);
  auto dropped = static_cast<std::size_t>(entries_.end() - left);
  entries_.erase(left, entries_.end());
  compact();
  return dropped;
}

// -- control output, and the end ------------------------------------------------------------------

void outbox::append(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t frames,
                    output_kind kind, steady_time now) {
  if (!sealed_ && part.size() > 0)
    queue(bytes, part, frames, kind, now);
}

void outbox::close(const protocol::shared_bytes& close_frame, steady_time now) {
  append(close_frame, {0, static_cast<std::uint32_t>(close_frame.size())}, 1, output_kind::control,
         now);
  sealed_ = true;
}

std::size_t outbox::cut(const protocol::shared_bytes& close_frame, steady_time now) {
  if (sealed_)
    return 0;
  std::size_t dropped = 0;
  std::vector<entry> kept;
  kept.reserve(entries_.size() - head_ + 1); // and the close frame
  for (auto i = head_; i < entries_.size(); ++i) {
    auto& e = entries_[i];
    if (e.kind == output_kind::data) {
      auto half = protocol::frame_around(e.bytes.view(), e.left.begin);
      dropped += i == head_ ? frames_in(e.bytes.view(), e.left) : e.frames;
      if (i != head_ || half.begin == e.left.begin)
        continue;
      e.left.end = static_cast<std::uint32_t>(half.end);
      e.frames = 1;
      e.is_value = false;
      e.queued_at = now;
      --dropped;
    }
    kept.push_back(std::move(e));
  }
  entries_ = std::move(kept);
  weight_ = 0;
  head_ = frames_ = 0;
  values_ = 0;
  value_weight_ = 0;
  bytes_ = {};
  for (auto& e : entries_) {
    bytes_of(e.kind) += e.left.size();
    weight_ += e.weight();
    frames_ += e.frames;
  }
  close(close_frame, now);
  return dropped;
}

void outbox::clear() noexcept {
  std::vector<entry>{}.swap(entries_);
  weight_ = 0;
  head_ = frames_ = 0;
  values_ = 0;
  value_weight_ = 0;
  bytes_ = {};
}

std::optional<steady_time> outbox::oldest_data() const noexcept {
  if (sealed_)
    return std::nullopt; // there is nothing that a cut could free
  for (auto i = head_; i < entries_.size(); ++i)
    if (entries_[i].kind == output_kind::data && !entries_[i].is_value)
      return entries_[i].queued_at;
  return std::nullopt;
}

int outbox::gather(std::array<iovec, max_parts>& out) const {
  auto count = std::min(entries_.size() - head_, max_parts);
  for (std::size_t i = 0; i < count; ++i) {
    auto& e = entries_[head_ + i];
    out[i] = {const_cast<char*>(e.bytes.data()) + e.left.begin, e.left.size()};
  }
  return static_cast<int>(count);
}

void outbox::consume(std::size_t bytes) {
  if (bytes == queued_bytes()) { // the usual case
    head_ = static_cast<std::uint32_t>(entries_.size());
    frames_ = 0;
    weight_ = 0;
    values_ = 0;
    value_weight_ = 0;
    bytes_ = {};
    return compact();
  }
  while (bytes > 0) {
    auto& e = entries_[head_];
    auto gone = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, e.left.size()));
    auto weight = e.bytes.weight(e.left.begin, e.left.begin + gone);
    bytes_of(e.kind) -= gone;
    if (e.is_value) {
      value_weight_ -= static_cast<std::uint32_t>(weight);
      e.name = if_behind::queue;
    } else {
      weight_ -= weight;
    }
    e.left.begin += gone;
    bytes -= gone;
    if (e.left.size() > 0)
      return;
    if (e.is_value)
      --values_;
    else
      frames_ -= e.frames;
    e.bytes = {};
    ++head_;
  }
  compact();
}

/// Frees memory: an idle session keeps room for at most 4 entries.
void outbox::compact() {
  if (head_ == entries_.size()) {
    if (entries_.capacity() > 4)
      std::vector<entry>{}.swap(entries_);
    else
      entries_.clear();
    head_ = 0;
  } else if (head_ > 32 && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

} // namespace troupe::actors
