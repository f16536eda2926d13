#include "room/replay.hpp"

#include "model/frame_weight.hpp"

#include <troupe/protocol/stored_event.hpp>

#include <string_view>
#include <utility>

namespace troupe::actors {
namespace {

/// Frames of broadcasts that follow each other, sent as one run of bytes.
class run_of_frames {
public:
  explicit run_of_frames(protocol::memory_meter* meter) : meter_(meter) {}

  void add(protocol::shared_bytes frame) { frames_.push_back(std::move(frame)); }

  /// Appends the run, if there is one, to `out`.
  void end(std::vector<missed_frames>& out) {
    if (frames_.empty())
      return;
    auto count = static_cast<std::uint32_t>(frames_.size());
    out.push_back({count == 1 ? frames_.front() : joined(), count, output_kind::data});
    frames_.clear();
  }

private:
  [[nodiscard]] protocol::shared_bytes joined() const {
    std::vector<std::string_view> parts;
    std::size_t weight = 0;
    for (auto& f : frames_) {
      parts.push_back(f.view());
      weight += f.weight();
    }
    auto all = protocol::shared_bytes::concat(parts, meter_);
    all.make_lighter(weight);
    return all;
  }

  protocol::memory_meter* meter_;
  std::vector<protocol::shared_bytes> frames_;
};

} // namespace

bool replay::add(protocol::shared_bytes frame, output_kind kind, std::uint64_t at, credit source) {
  if (!account_->positive())
    return false;
  auto own = account_->take(frame.weight());
  line_.push_back({std::move(frame), kind, at, std::move(source), std::move(own)});
  return true;
}

std::vector<missed_frames> replay::next(const history& stored, protocol::codec to,
                                        std::size_t most_bytes, protocol::memory_meter* meter) {
  std::vector<missed_frames> slice;
  run_of_frames run{meter};
  std::size_t bytes = 0, frames = 0, from_line = 0;
  auto fits = [&](const protocol::shared_bytes& f) {
    if (frames > 0 && (frames == slice_frames || bytes + f.size() > most_bytes))
      return false;
    bytes += f.size();
    ++frames;
    return true;
  };
  for (;;) {
    auto* first = from_line < line_.size() ? &line_[from_line] : nullptr;
    skip_excluded(stored, first ? first->at : ~std::uint64_t{0});
    if (most_bytes == 0)
      break;
    if (first && first->at <= seq_) {
      if (!fits(first->frame))
        break;
      run.end(slice);
      slice.push_back({std::move(first->frame), 1, first->kind});
      ++from_line;
    } else if (auto* e = stored.after(seq_)) {
      auto frame = protocol::event_frames(to, e->event, meter);
      if (!frame.same_buffer(e->event))
        make_lighter(frame, e->event.weight());
      if (!fits(frame))
        break;
      run.add(std::move(frame));
      seq_ = e->seq;
    } else {
      break;
    }
  }
  run.end(slice);
  line_.erase(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(from_line));
  return slice;
}

/// Goes over broadcasts that are not for the member, up to position `last`.
void replay::skip_excluded(const history& stored, std::uint64_t last) noexcept {
  for (auto* e = stored.after(seq_); e && e->seq <= last && is_excluded(stored, *e);
       e = stored.after(seq_))
    seq_ = e->seq;
}

std::vector<missed_frames> replay::take_line() {
  std::vector<missed_frames> all;
  all.reserve(line_.size());
  for (auto& w : line_)
    all.push_back({std::move(w.frame), 1, w.kind});
  line_.clear();
  return all;
}

std::uint64_t replay::left(const history& stored) const noexcept {
  auto& entries = stored.entries();
  auto missed = entries.empty() || entries.back().seq <= seq_ ? 0 : entries.back().seq - seq_;
  return missed + line_.size();
}

} // namespace troupe::actors
