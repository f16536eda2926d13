#include "room/waiting_inputs.hpp"

#include <algorithm>

namespace troupe::actors {

using protocol::errc;

errc waiting_inputs::reason_against(const room_input& in) const noexcept {
  auto bytes = in.bytes.size();
  if (!is_within(of_member(in.place), bytes, bounds_.max_inputs_per_member,
                 bounds_.max_input_bytes_per_member))
    return errc::rate_limited;
  return is_within(all_, bytes, bounds_.max_inputs, bounds_.max_input_bytes) ? errc::ok
                                                                             : errc::overloaded;
}

void waiting_inputs::add(const room_input& in) {
  if (by_place_.size() <= in.place)
    by_place_.resize(in.place + 1);
  line_.push_back(in);
  line_.back().token = {};
  by_place_[in.place].add(in);
  all_.add(in);
}

std::vector<room_input> waiting_inputs::take_all() noexcept {
  for (auto& in : line_)
    by_place_[in.place] = {};
  all_ = {};
  return std::exchange(line_, {});
}

std::vector<room_input> waiting_inputs::take_of(member_place place, session_key who) {
  std::vector<room_input> taken;
  auto count = of_member(place).count;
  if (count == 0)
    return taken;
  taken.reserve(count);
  for (auto& in : line_)
    if (in.who == who)
      taken.push_back(std::move(in)); // which leaves its `who`
  drop_of(place, who);
  return taken;
}

void waiting_inputs::drop_of(member_place place, session_key who) noexcept {
  if (of_member(place).count == 0)
    return;
  std::erase_if(line_, [&](auto& in) { return in.who == who; });
  forget(place);
}

void waiting_inputs::forget(member_place place) noexcept {
  auto& gone = by_place_[place];
  all_.count -= gone.count;
  all_.bytes -= gone.bytes;
  gone = {};
}

void waiting_inputs::recycle(std::vector<room_input>&& taken) noexcept {
  constexpr std::size_t few = 256; // more are not worth their memory between two ticks
  taken.clear();
  if (line_.empty() && taken.capacity() <= few)
    line_ = std::move(taken);
}

} // namespace troupe::actors
