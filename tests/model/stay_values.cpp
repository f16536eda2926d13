// What a member hears of messages that are for this moment only: volatile ones, and the latest of
// each sender and key, here called values.
//
// All come in their place among the others, those that have waited, too: what waits is behind what
// was said before, and one that gives way leaves a later one, which has its own place. So the order
// is checked as that of all others. What nobody outside can know is when exactly a socket took
// what: then a volatile message, or a value that has given way, may have come or not. Only
// `stalls` knows.
#include <utility>

#include "stay.hpp"

#include <algorithm>
#include <deque>

namespace troupe::model {

namespace {

/// A client may have had two sessions, of which nobody knows with which it has said something.
bool is_same_value(const entry& a, const entry& b) {
  return a.key && b.key && *a.key == *b.key && (a.session == b.session || a.client == b.client);
}

} // namespace

bool stay::is_value(std::size_t position) const {
  return entries().entries[position].key && duty_of(position) != duty::not_for_it;
}

/// Whether a later value, before `end`, is of the same sender and key.
bool stay::gives_way(std::size_t position, std::size_t end) const {
  auto& all = entries().entries;
  for (auto i = position + 1; i < end; ++i)
    if (is_same_value(all[position], all[i]) && is_value(i))
      return true;
  return false;
}

void stay::falls_behind() {
  level_from_ = ~std::size_t{0};
  behind_from_ = next_;
}

std::size_t stay::values_waiting() const {
  auto& all = entries().entries;
  std::size_t count = 0;
  for (auto i = behind_from_; i < all.size(); ++i)
    count += is_value(i) && !gives_way(i, all.size());
  return count;
}

void stay::is_level(bool may_lack) {
  level_from_ = entries().entries.size();
  times_behind_.push_back({level_from_, may_lack});
}

void stay::skip() {
  if (is_value(next_))
    skipped_values_.push_back(next_);
  pass();
}

/// Of a client that has ended before it was level nobody knows what it still had to get, nor of one
/// that has come back: it may have been catching up.
// Pins §4.124.
void stay::check_values() {
  if (former_ || overrun_ || oracle_.values_may_go)
    return;
  for (auto at : skipped_values_) {
    auto behind = std::find_if(times_behind_.begin(), times_behind_.end(),
                               [&](auto& time) { return at < time.end; });
    auto is_known = behind != times_behind_.end() && !behind->may_lack;
    if (is_known && !gives_way(at, behind->end))
      return complain("never heard " + name_of(entries().entries[at]) + ", the latest of its key");
    oracle_.seen["gave way"] += is_known;
  }
}

// -- a client that surely takes nothing -----------------------------------------------------------

void stay::stalls() { stalled_from_ = entries().entries.size(); }

/// Values wait as in a list: the next one of a sender and key goes last, and the one before it
/// goes; one beyond the bound is left out.
// Pins §4.124, §4.126, §4.127.
void stay::goes_on(std::size_t most_values) {
  auto& all = entries().entries;
  std::deque<std::size_t> waiting;
  auto from = std::exchange(stalled_from_, no_entry);
  for (auto i = from; i < all.size() && !all[i].ends(client_); ++i) {
    if (!is_value(i))
      continue;
    auto before = std::find_if(waiting.begin(), waiting.end(),
                               [&](auto at) { return is_same_value(all[at], all[i]); });
    if (before != waiting.end())
      waiting.erase(before);
    if (waiting.size() < most_values)
      waiting.push_back(i);
    else
      ++oracle_.seen["values left out"];
  }
  stalled_from_ = from;
  stalled_to_ = all.size();
  given_.insert(waiting.begin(), waiting.end());
  oracle_.seen["values waited"] += waiting.size();
}

} // namespace troupe::model
