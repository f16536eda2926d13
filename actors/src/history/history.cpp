#include "history/history.hpp"

#include "history/history_shelf.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace troupe::actors {

namespace {

using namespace std::chrono_literals;

/// Much greater ages would overflow a `steady_time`.
constexpr std::chrono::seconds longest_age = 24h * 365 * 100;
constexpr std::size_t least_slots = 4;

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
  give_slots_back();
  if (shelf_)
    shelf_->take(*this);
}

protocol::memory_meter* history::meter() const noexcept {
  return shelf_ && limits_.history ? &shelf_->account().meter : output_;
}

void history::append(std::uint64_t seq, steady_time at, protocol::shared_bytes event,
                     client_id excluded) {
  if (limits_.history)
    put(seq, at, std::move(event), excluded, 0);
}

void history::append(std::uint64_t seq, steady_time at, protocol::shared_bytes event,
                     std::span<const client_id> excluded) {
  if (!limits_.history)
    return;
  if (!lists_)
    lists_ = std::make_unique<exclusion_lists>();
  if (entries_.full())
    make_slots();
  lists_->add(seq, excluded);
  auto bytes = exclusion_lists::bytes_of(excluded.size());
  if (shelf_)
    shelf_->account().meter.add(bytes);
  put(seq, at, std::move(event), several, bytes);
}

/// Inlined by force: it was one function with `append`.
[[gnu::always_inline]] inline void history::put(std::uint64_t seq, steady_time at,
                                                protocol::shared_bytes event, client_id excluded,
                                                std::size_t list_bytes) {
  if (entries_.full())
    make_slots();
  auto bytes = event.size() + list_bytes;
  entries_.push_back({seq, at, std::move(event), excluded, bytes});
  bytes_ += bytes;
  trim(at);
  note_oldest();
  if (!shelf_)
    return;
  shelf_->note(bytes_);
  if (!armed())
    await_age(at);
}

/// Doubles the slots, but makes no more than there will ever be entries.
void history::make_slots() {
  auto wanted = std::max(least_slots, 2 * entries_.capacity());
  auto most = limits_.history_messages;
  entries_.set_capacity(most > 0 && wanted > most ? most + 1 : wanted);
  charge_slots();
}

/// Halves the slots while less than a quarter is used; keeps none for no entry. If there is no
/// memory to move the entries, they stay where they are.
void history::give_slots_back() noexcept {
  auto wanted = entries_.capacity();
  while (wanted > 4 * entries_.size())
    wanted /= 2;
  if (wanted == entries_.capacity())
    return;
  try {
    entries_.set_capacity(wanted);
  } catch (const std::bad_alloc&) {
    return;
  }
  charge_slots();
}

void history::charge_slots() noexcept {
  if (!shelf_)
    return;
  auto& meter = shelf_->account().meter;
  meter.add(entries_.capacity() * sizeof(entry));
  meter.remove(std::exchange(charged_slots_, entries_.capacity()) * sizeof(entry));
}

void history::drop_oldest() noexcept {
  pop_oldest();
  give_slots_back();
}

void history::prefetch_oldest() const noexcept {
  constexpr std::size_t line = 64;
  if (entries_.empty())
    return;
  auto prefetch = [](const char* from, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += line)
      __builtin_prefetch(from + at, 1);
  };
  constexpr std::size_t two = 2 * sizeof(entry); // the entry that goes, and the oldest after it
  auto* oldest = reinterpret_cast<const char*>(&entries_.front());
  prefetch(oldest, two);
  __builtin_prefetch(oldest + two - 1, 1);
  prefetch(oldest_event_, oldest_bytes_);
}

void history::note_oldest() noexcept {
  constexpr std::size_t enough = 512;
  if (entries_.empty())
    return;
  auto& oldest = entries_.front();
  oldest_event_ = oldest.event.data() - protocol::shared_bytes::header_bytes;
  oldest_bytes_ = std::min(oldest.bytes, enough);
}

// -- letting go -----------------------------------------------------------------------------------

/// Inlined by force: a full history does it at each `append`.
[[gnu::always_inline]] inline void history::pop_oldest() noexcept {
  auto& oldest = entries_.front();
  bytes_ -= oldest.bytes;
  if (output_ && !oldest.event.unique())
    oldest.event.count_against(*output_);
  if (lists_) [[unlikely]]
    drop_list(oldest.seq);
  entries_.pop_front();
}

void history::drop_list(std::uint64_t seq) noexcept {
  auto bytes = lists_->drop(seq);
  if (shelf_)
    shelf_->account().meter.remove(bytes);
}

void history::trim(steady_time now) {
  auto& l = limits_;
  for (auto left = entries_.size(); left > 0; --left) {
    bool goes = (l.history_messages > 0 && left > l.history_messages)
             || (l.history_bytes > 0 && bytes_ > l.history_bytes)
             || (age_ > 0s && now - entries_.front().at >= age_);
    if (!goes)
      break;
    pop_oldest();
  }
}

// -- age ------------------------------------------------------------------------------------------

/// Wakes up once the oldest entry is too old, but at most once in a sixteenth of the age: entries
/// go in groups.
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
  give_slots_back();
  await_age(now);
}

} // namespace troupe::actors
