#include "history/history_shelf.hpp"

#include "history/history.hpp"

#include <algorithm>
#include <new>

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

bool history_shelf::keep_budget(std::size_t least) noexcept {
  if (!account_.exceeded() || largest_bytes() < least)
    return false;
  auto smaller = [](const history* a, const history* b) { return a->bytes() < b->bytes(); };
  by_size_.assign(all_.begin(), all_.end());
  std::make_heap(by_size_.begin(), by_size_.end(), smaller);
  auto largest_left = [this] { return by_size_.empty() ? 0 : by_size_.front()->bytes(); };
  auto enough = account_.budget_bytes / 16 * 15;
  bool any = false;
  while (largest_left() > 0 && largest_left() >= least && account_.meter.used_bytes() > enough) {
    std::pop_heap(by_size_.begin(), by_size_.end(), smaller);
    auto& largest = *by_size_.back();
    by_size_.pop_back();
    auto next = std::max(largest_left(), least);
    do
      largest.drop_oldest();
    while (!largest.entries().empty() && largest.bytes() >= next
           && account_.meter.used_bytes() > enough);
    any = true;
    if (!largest.entries().empty()) {
      by_size_.push_back(&largest);
      std::push_heap(by_size_.begin(), by_size_.end(), smaller);
    }
  }
  largest_bytes_.store(largest_left(), std::memory_order_relaxed);
  return any;
}

namespace {

void ask(history_shelf& other, const std::vector<history_shelf*>& all) {
  if (other.asked.exchange(true))
    return;
  try {
    other.loop().post([&other, &all] {
      other.asked = false;
      keep_history_budget(other, all);
    });
  } catch (const std::bad_alloc&) {
    other.asked = false; // the next turn asks again
  }
}

} // namespace

bool keep_history_budget(history_shelf& mine, const std::vector<history_shelf*>& all) {
  if (!mine.account().exceeded())
    return false;
  history_shelf* other = nullptr; // the other loop with the largest history
  for (auto* shelf : all)
    if (shelf != &mine && (!other || shelf->largest_bytes() > other->largest_bytes()))
      other = shelf;
  constexpr std::size_t steps = 8; // so that loops do not take turns at each entry
  auto any = mine.keep_budget(other ? other->largest_bytes() / steps * (steps - 1) : 0);
  if (other && other->largest_bytes() > 0 && mine.account().exceeded())
    ask(*other, all);
  return any;
}

} // namespace troupe::actors
