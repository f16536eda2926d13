#include <troupe/actors/outbox.hpp>

#include <troupe/actors/make_room.hpp>
#include <troupe/protocol/frame.hpp>

#include <algorithm>
#include <cstring>
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

} // namespace

void outbox::queue(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t frames,
                   output_kind kind, steady_time now) {
  make_room(entries_);
  if (empty())
    progress_ = now;
  auto& e = entries_.emplace_back(entry_of(bytes, part));
  e.frames = frames;
  e.kind = kind;
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
      --dropped;
    }
    kept.push_back(std::move(e));
  }
  entries_ = std::move(kept);
  weight_ = 0;
  head_ = frames_ = 0;
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
  bytes_ = {};
}

std::optional<steady_time> outbox::oldest_data() const noexcept {
  if (sealed_)
    return std::nullopt; // there is nothing that a cut could free
  for (auto i = head_; i < entries_.size(); ++i)
    if (entries_[i].kind == output_kind::data)
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
    bytes_ = {};
    return compact();
  }
  while (bytes > 0) {
    auto& e = entries_[head_];
    auto gone = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, e.left.size()));
    bytes_of(e.kind) -= gone;
    weight_ -= e.bytes.weight(e.left.begin, e.left.begin + gone);
    e.left.begin += gone;
    bytes -= gone;
    if (e.left.size() > 0)
      return;
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
