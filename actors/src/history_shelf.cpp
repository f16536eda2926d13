#include "history_shelf.hpp"

#include "history.hpp"

#include <algorithm>

namespace troupe::actors {

void history_shelf::put(history& h) {
  if (by_size_.capacity() <= all_.size()) // making room must not need memory
    by_size_.reserve(2 * all_.size() + 8);
  h.place_ = all_.size();
  all_.push_back(&h);
}

void history_shelf::take(history& h) noexcept {
  auto* last = all_.back();
  all_[h.place_] = last;
  last->place_ = h.place_;
  all_.pop_back();
}

bool history_shelf::keep_budget(std::int64_t share) noexcept {
  if (!account_.exceeded() || bytes() < share)
    return false;
  auto smaller = [](const history* a, const history* b) { return a->bytes() < b->bytes(); };
  by_size_.assign(all_.begin(), all_.end());
  std::make_heap(by_size_.begin(), by_size_.end(), smaller);
  auto enough = account_.budget_bytes / 16 * 15;
  bool any = false;
  while (!by_size_.empty() && !by_size_.front()->entries().empty() && account_.meter.used_bytes() > enough && bytes() >= share) {
    std::pop_heap(by_size_.begin(), by_size_.end(), smaller);
    auto& largest = *by_size_.back();
    by_size_.pop_back();
    auto next = by_size_.empty() ? 0 : by_size_.front()->bytes();
    do
      largest.drop_oldest();
    while (!largest.entries().empty() && largest.bytes() >= next && account_.meter.used_bytes() > enough);
    any = true;
    if (!largest.entries().empty()) {
      by_size_.push_back(&largest);
      std::push_heap(by_size_.begin(), by_size_.end(), smaller);
    }
  }
  return any;
}

bool keep_history_budget(history_shelf& mine, const std::vector<history_shelf*>& all) {
  if (!mine.account().exceeded())
    return false;
  std::int64_t sum = 0;
  for (auto* shelf : all)
    sum += shelf->bytes();
  auto loops = static_cast<std::int64_t>(all.size());
  auto share = loops == 1 ? 0 : sum / loops / 8 * 7; // there is always a loop above it
  auto any = mine.keep_budget(share);
  if (!mine.account().exceeded())
    return false;
  for (auto* shelf : all)
    if (shelf != &mine && shelf->bytes() >= share && !shelf->asked.exchange(true))
      shelf->loop().post([shelf, share] {
        shelf->asked = false;
        shelf->keep_budget(share);
      });
  return any;
}

} // namespace troupe::actors
