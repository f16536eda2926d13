#include "text/fading_counts.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace troupe::transport {

double fading_counts::left(const entry& e, actors::steady_time now) const {
  return fade_(e.count, std::max(0.0, std::chrono::duration<double>(now - e.at).count()));
}

double fading_counts::left(std::string_view address, actors::steady_time now) const {
  auto i = entries_.find(address);
  return i == entries_.end() ? 0.0 : left(*i->second, now);
}

void fading_counts::add(std::string_view address, actors::steady_time now) {
  drop_faded(now);
  auto i = entries_.find(address);
  if (i == entries_.end()) {
    std::list<entry> fresh;
    fresh.push_back({std::string{address}, 0, now});
    i = entries_.emplace(fresh.front().address, fresh.begin()).first;
    by_age_.splice(by_age_.end(), fresh);
  }
  auto e = i->second;
  e->count = left(*e, now) + 1;
  e->at = now;
  by_age_.splice(by_age_.end(), by_age_, e);
  if (by_age_.size() > most_)
    forget(by_age_.begin());
}

/// Drops up to two of the oldest: more than one call of `add` adds.
void fading_counts::drop_faded(actors::steady_time now) noexcept {
  for (int i = 0; i < 2 && !by_age_.empty() && left(by_age_.front(), now) < 0.5; ++i)
    forget(by_age_.begin());
}

void fading_counts::forget(std::list<entry>::iterator e) noexcept {
  entries_.erase(e->address);
  by_age_.erase(e);
}

} // namespace troupe::transport
