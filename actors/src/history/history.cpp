#include "history/history.hpp"

#include "history/history_shelf.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

using namespace std::chrono_literals;

/// What a `steady_time` can still be moved by.
constexpr std::chrono::seconds longest_age = 24h * 365 * 100;
constexpr std::size_t entries_at_a_time = 16;

} // namespace

history::history(const room_limits& limits, history_shelf* shelf, protocol::memory_meter* output)
  : limits_(limits),
    shelf_(shelf),
    output_(output),
    age_(std::min(limits.history_age, longest_age)) {
  if (shelf_)
    shelf_->put(*this);
}

history::~history() {
  while (!entries_.empty())
    pop_oldest();
  charge_entries();
  if (shelf_)
    shelf_->take(*this);
}

protocol::memory_meter* history::meter() const noexcept {
  return shelf_ && limits_.history ? &shelf_->account().meter : output_;
}

void history::append(std::uint64_t seq, steady_time at, const frame_set& frames,
                     std::size_t bytes) {
  if (!limits_.history)
    return;
  entries_.push_back({seq, at, frames, bytes});
  bytes_ += bytes;
  auto left = trim(at);
  prefetch_frames_of_oldest();
  if (!shelf_)
    return;
  shelf_->note(bytes_);
  if (left > charged_entries_)
    charge_entries();
  if (!armed())
    await_age(at);
}

/// Counts the entries themselves, some at a time: a full history neither grows nor shrinks.
void history::charge_entries() noexcept {
  if (!shelf_)
    return;
  auto wanted = (entries_.size() + entries_at_a_time - 1) / entries_at_a_time * entries_at_a_time;
  auto& meter = shelf_->account().meter;
  meter.add(wanted * sizeof(entry));
  meter.remove(std::exchange(charged_entries_, wanted) * sizeof(entry));
}

void history::drop_oldest() noexcept {
  pop_oldest();
  charge_entries();
}

void history::prefetch_oldest() const noexcept {
  if (entries_.empty())
    return;
  auto* entry = reinterpret_cast<const char*>(&entries_.front());
  constexpr std::size_t two = 2 * sizeof(history::entry);
  for (std::size_t at = 0; at < two; at += 64)
    __builtin_prefetch(entry + at, 1);
  __builtin_prefetch(entry + two - 1, 1);
}

void history::prefetch_frames_of_oldest() const noexcept {
  constexpr std::size_t line = 64;
  constexpr std::size_t enough = 8 * line;
  if (entries_.empty())
    return;
  // how long each of its frames is, its block knows, which is not near yet
  auto& oldest = entries_.front();
  for (auto& f : oldest.frames)
    for (std::size_t at = 0; f && at < std::min(oldest.bytes, enough); at += line)
      __builtin_prefetch(f.data() - protocol::shared_bytes::header_bytes + at, 1);
}

// -- letting go -----------------------------------------------------------------------------------

/// Inlined by force: a full history does it at each `append`.
[[gnu::always_inline]] inline void history::pop_oldest() noexcept {
  auto& oldest = entries_.front();
  bytes_ -= oldest.bytes;
  for (auto& f : oldest.frames) {
    if (!f)
      continue;
    if (output_ && !f.unique())
      f.count_against(*output_);
    f = {};
  }
  entries_.pop_front();
}

/// Returns how many are left.
std::size_t history::trim(steady_time now) {
  auto& l = limits_;
  auto left = entries_.size();
  for (; left > 0; --left) {
    bool goes = (l.history_messages > 0 && left > l.history_messages)
             || (l.history_bytes > 0 && bytes_ > l.history_bytes)
             || (age_ > 0s && now - entries_.front().at >= age_);
    if (!goes)
      break;
    pop_oldest();
  }
  return left;
}

// -- age ------------------------------------------------------------------------------------------

/// Wakes up once the oldest entry is too old, but not more often than a sixteenth of the age:
/// entries go in groups.
void history::await_age(steady_time now) {
  if (age_ == 0s || entries_.empty())
    return;
  constexpr int groups = 16;
  shelf_->timers().arm(
    *this, std::max(entries_.front().at + age_, now + steady_time::duration{age_} / groups));
}

void history::on_deadline() {
  auto now = shelf_->now();
  trim(now);
  charge_entries();
  await_age(now);
}

} // namespace troupe::actors
