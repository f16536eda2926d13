#include "fanout/memberships.hpp"

#include "fanout/member_group.hpp"

#include <troupe/actors/make_room.hpp>

#include <algorithm>

namespace troupe::actors {

memberships::group_index memberships::enter() {
  if (!free_.empty()) {
    auto group = free_.back();
    free_.pop_back();
    return group;
  }
  make_room(free_, pending_.size() + 1);
  pending_.push_back(false);
  return static_cast<group_index>(pending_.size() - 1);
}

void memberships::leave(group_index group) noexcept {
  set_pending(group, false);
  free_.push_back(group);
}

void memberships::set_pending(group_index group, bool is_pending) noexcept {
  if (pending_[group] == is_pending)
    return;
  pending_[group] = is_pending;
  is_pending ? ++pending_count_ : --pending_count_;
}

void memberships::make_room_for(session_key who) {
  if (places_.size() <= who.slot)
    places_.resize(std::max<std::size_t>(who.slot + 1, places_.size() * 2));
  make_room(places_[who.slot]);
}

void memberships::add(session_key who, member_group& group, slot_index slot) noexcept {
  auto& places = places_[who.slot];
  places.push_back({&group, slot, group.index()});
  if (places.size() == 2)
    places.front().group->set_shared(places.front().slot, true);
  group.set_shared(slot, places.size() > 1);
}

void memberships::remove(session_key who, const member_group& group, slot_index slot) noexcept {
  auto& places = places_[who.slot];
  std::erase_if(places, [&](auto& p) { return p.group == &group && p.slot == slot; });
  if (places.empty())
    std::vector<place>{}.swap(places);
  else if (places.size() == 1)
    places.front().group->set_shared(places.front().slot, false);
}

void memberships::move(session_key who, const member_group& group, slot_index from,
                       slot_index to) noexcept {
  for (auto& p : places_[who.slot])
    if (p.group == &group && p.slot == from) {
      p.slot = to;
      return;
    }
}

memberships::slot_index memberships::find(session_key who,
                                          const member_group& group) const noexcept {
  if (who.slot < places_.size())
    for (auto& p : places_[who.slot])
      if (p.group == &group && group.holds(p.slot, who))
        return p.slot;
  return nowhere;
}

memberships::given memberships::give_all(session_key who, sink& output) {
  given all;
  auto& pieces = buffers_.pieces;
  pieces.clear();
  buffers_.has_values = false;
  auto& places = places_[who.slot];
  auto has_some = [&](const place& p) { return pending_[p.index] && p.group->holds(p.slot, who); };
  for (auto& p : places)
    if (has_some(p))
      all.frames += p.group->collect(p.slot, &output, pieces);
  for (auto& p : pieces)
    all.bytes += p.part.size();
  if (buffers_.has_values)
    all.frames += buffers_.give_with_values(output);
  else if (!pieces.empty())
    output.write_all(pieces);
  for (auto& p : places)
    if (has_some(p))
      p.group->note_given(p.slot);
  return all;
}

} // namespace troupe::actors
