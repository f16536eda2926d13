#include <utility>

#include "websocket/inbound_parts.hpp"

#include <algorithm>
#include <new>

namespace troupe::transport {

inbound_parts::share::share(inbound_parts& of, holder& who)
  : of_(of), who_(who), since_(of.loop_.now().time_since_epoch().count()), older_(of.newest_) {
  (older_ ? older_->newer_ : of_.oldest_) = this;
  of_.newest_ = this;
  of_.note_oldest();
  of_.all_.holders.fetch_add(1, std::memory_order_relaxed);
}

inbound_parts::share::~share() { stop_counting(); }

void inbound_parts::share::stop_counting() noexcept {
  if (!std::exchange(counts_, false))
    return;
  (older_ ? older_->newer_ : of_.oldest_) = newer_;
  (newer_ ? newer_->older_ : of_.newest_) = older_;
  of_.note_oldest();
  of_.all_.holders.fetch_sub(1, std::memory_order_relaxed);
  of_.all_.meter->remove(std::exchange(bytes_, 0));
}

void inbound_parts::share::resize(std::size_t bytes) noexcept {
  if (!counts_)
    return;
  of_.all_.meter->add(bytes);
  of_.all_.meter->remove(std::exchange(bytes_, bytes));
  if (of_.all_.exceeded())
    of_.make_room_soon();
}

void inbound_parts::make_room_soon() noexcept {
  if (called_.exchange(true))
    return;
  try {
    loop_.post([this] {
      called_ = false;
      make_room();
    });
  } catch (const std::bad_alloc&) {
    called_ = false; // the next part asks again
  }
}

void inbound_parts::make_room() {
  while (all_.exceeded()) {
    auto longest = std::min_element(all_.loops.begin(), all_.loops.end(),
                                    [](auto& a, auto& b) { return a->oldest() < b->oldest(); });
    if (longest->get() != this)
      return (*longest)->make_room_soon();
    auto* gone = oldest_;
    if (!gone)
      return;
    gone->stop_counting();
    gone->who_.give_up_input();
  }
}

} // namespace troupe::transport
