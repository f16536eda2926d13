#include <troupe/actors/timer_wheel.hpp>

#include <algorithm>
#include <bit>

namespace troupe::actors {

timer_wheel::timer_wheel(steady_time start) : start_(start) {
  for (auto& level : wheel_)
    for (auto& head : level)
      head.next = head.prev = &head;
}

timer_wheel::~timer_wheel() {
  for (auto& level : wheel_)
    for (auto& head : level)
      while (head.next != &head)
        unlink(static_cast<entry&>(*head.next));
}

void timer_wheel::entry::cancel() noexcept {
  if (armed())
    wheel_->unlink(*this);
}

void timer_wheel::unlink(entry& e) noexcept {
  e.next->prev = e.prev;
  e.prev->next = e.next;
  e.next = e.prev = nullptr;
  --armed_;
}

void timer_wheel::arm(entry& e, steady_time deadline) {
  e.cancel();
  auto after = std::max(deadline - start_, steady_time::duration::zero());
  auto ticks = static_cast<std::uint64_t>((after + tick - steady_time::duration{1}) / tick);
  e.due_ = std::max(ticks, now_ + 1);
  e.wheel_ = this;
  place(e);
  ++armed_;
}

void timer_wheel::place(entry& e) {
  constexpr auto horizon = (std::uint64_t{1} << (levels * slot_bits)) - 1;
  // later deadlines are placed again when the last level comes round
  auto due = std::min(e.due_, now_ + horizon);
  auto distance = due ^ now_;
  auto level =
    std::min((static_cast<unsigned>(std::bit_width(distance)) - 1) / slot_bits, levels - 1);
  auto slot = (due >> (level * slot_bits)) & (slots - 1);
  auto& head = wheel_[level][slot];
  e.next = &head;
  e.prev = head.prev;
  head.prev->next = &e;
  head.prev = &e;
  occupied_[level] |= std::uint64_t{1} << slot;
}

void timer_wheel::advance(steady_time now) {
  auto target = now > start_ ? static_cast<std::uint64_t>((now - start_) / tick) : 0;
  while (now_ < target) {
    if (armed_ == 0) {
      now_ = target;
      return;
    }
    ++now_;
    for (unsigned level = 1;
         level < levels && (now_ & ((std::uint64_t{1} << (level * slot_bits)) - 1)) == 0; ++level)
      cascade(level);
    auto slot = now_ & (slots - 1);
    if (occupied_[0] & (std::uint64_t{1} << slot))
      fire_slot(wheel_[0][slot]);
  }
}

void timer_wheel::cascade(unsigned level) {
  auto slot = (now_ >> (level * slot_bits)) & (slots - 1);
  occupied_[level] &= ~(std::uint64_t{1} << slot);
  auto& head = wheel_[level][slot];
  link moved{head.next, head.prev};
  if (moved.next == &head)
    return;
  moved.next->prev = moved.prev->next = &moved;
  head.next = head.prev = &head;
  while (moved.next != &moved) {
    auto& e = static_cast<entry&>(*moved.next);
    e.next->prev = e.prev;
    e.prev->next = e.next;
    e.due_ = std::max(e.due_, now_);
    if (e.due_ == now_) { // due in this very tick: its slot of level 0 is about to be fired
      auto& first = wheel_[0][now_ & (slots - 1)];
      e.next = &first;
      e.prev = first.prev;
      first.prev->next = &e;
      first.prev = &e;
      occupied_[0] |= std::uint64_t{1} << (now_ & (slots - 1));
    } else {
      place(e);
    }
  }
}

void timer_wheel::fire_slot(link& head) {
  while (head.next != &head) {
    auto& e = static_cast<entry&>(*head.next);
    unlink(e);
    // if it throws, the rest of the slot stays armed and fires when this slot comes round again
    e.on_deadline();
  }
  occupied_[0] &= ~(std::uint64_t{1} << (now_ & (slots - 1)));
}

std::optional<steady_time> timer_wheel::next_wake_up() const {
  if (armed_ == 0)
    return std::nullopt;
  auto best = now_ + (std::uint64_t{1} << (levels * slot_bits));
  for (unsigned level = 0; level < levels; ++level) {
    if (occupied_[level] == 0)
      continue;
    auto shift = level * slot_bits;
    auto here = (now_ >> shift) & (slots - 1);
    auto rotated = std::rotr(occupied_[level], static_cast<int>((here + 1) & (slots - 1)));
    // in slots of this level, 1 to 64
    auto ahead = static_cast<std::uint64_t>(std::countr_zero(rotated)) + 1;
    best = std::min(best, ((now_ >> shift) + ahead) << shift);
  }
  return start_ + static_cast<std::int64_t>(best) * tick;
}

} // namespace troupe::actors
