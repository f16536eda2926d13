#include "fanout/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {
namespace {

std::string_view reason_text(room_end reason) {
  switch (reason) {
    case room_end::crashed: return "crashed";
    case room_end::overloaded: return "overloaded";
    default: return "ended";
  }
}

} // namespace

dispatcher::dispatcher(session_table& sessions, protocol::memory_meter* meter, loop_counts& counts)
  : sessions_(sessions), meter_(meter), counts_(counts) {}

// -- what rooms say -------------------------------------------------------------------------------

/// A session that is gone is not subscribed. Its connection leaves by itself, behind all that its
/// client has said.
void dispatcher::on_subscribe(const subscribe& s) {
  if (!sessions_.find(s.who))
    return;
  if (s.only_room)
    leave_room_before(s);
  auto& room = rooms_.try_emplace(s.room->key).first->second;
  room.identity = s.room;
  auto& group = room.group_for(s.encoding, memberships_);
  if (!group.contains(s.who)) {
    group.add(s.who);
    count_members(1);
  }
  if (s.first)
    sessions_.append(s.who, s.first, output_kind::control);
}

/// A client that is in one room at a time gets what its old room has said so far, and then nothing
/// more of it: its frames do not name rooms.
void dispatcher::leave_room_before(const subscribe& s) {
  auto& only = only_rooms_[s.who];
  auto before = std::exchange(only, s.room->key);
  auto i = before == s.room->key ? rooms_.end() : rooms_.find(before);
  if (i == rooms_.end())
    return;
  auto* group = i->second.group_of(s.who);
  if (!group)
    return;
  count_deliveries(*group, group->members.catch_up(s.who, sessions_));
  group->members.remove(s.who);
  count_members(-1);
  drop_if_empty(i->second);
}

void dispatcher::on_fan_out(const fan_out& f) {
  auto i = rooms_.find(f.room);
  if (i == rooms_.end())
    return;
  auto& room = i->second;
  for (auto& g : room.groups)
    g->members.make_room_for_push(bool(f.except));
  for (auto& g : room.groups)
    if (auto& frame = f.frames[protocol::index_of(g->encoding)]; frame && !g->members.empty())
      g->members.push(frame, f.except, f.source, f.own, f.at);
  if (!room.in_ring() && room.pending()) {
    ring_.push_back(room);
    new_cost_ += std::min(room.sole_size(), budget_.of_room);
  }
}

void dispatcher::on_member_frame(const member_frame& f) {
  auto i = rooms_.find(f.room);
  auto* group = i == rooms_.end() ? nullptr : i->second.group_of(f.who);
  if (group)
    count_deliveries(*group, group->members.catch_up(f.who, sessions_));
  if (f.frame && (group || !f.only_member))
    sessions_.append(f.who, f.frame, output_kind::control);
  if (group && f.remove) {
    group->members.remove(f.who);
    count_members(-1);
    drop_if_empty(i->second);
  }
  if (auto only = only_rooms_.find(f.who);
      f.remove && only != only_rooms_.end() && only->second == f.room)
    only_rooms_.erase(only);
}

void dispatcher::on_last_frame(const last_frame& f) {
  for (auto room : f.rooms)
    if (auto i = rooms_.find(room); i != rooms_.end())
      if (auto* group = i->second.group_of(f.who))
        count_deliveries(*group, group->members.catch_up(f.who, sessions_));
  if (f.frame)
    sessions_.append(f.who, f.frame, output_kind::control);
  end_session(f.who, f.why);
}

void dispatcher::on_room_closed(const room_closed& c) {
  auto i = rooms_.find(c.room);
  if (i == rooms_.end())
    return;
  auto& room = i->second;
  for (auto& g : room.groups) {
    auto& group = g->members;
    if (group.empty())
      continue;
    count_deliveries(*g, group.catch_up_all(sessions_));
    if (c.reason == room_end::stopped)
      continue; // clients hear that the node stops
    auto farewell =
      protocol::room_closed_frame(g->encoding, room.identity->name, reason_text(c.reason), meter_);
    group.for_each([&](session_key who) {
      sessions_.append(who, farewell, output_kind::control);
      if (auto* owner = sessions_.owner(who))
        owner->room_closed(c.room);
    });
  }
  forget_room(c.room);
}

void dispatcher::on_drain(const drain_sessions& d) {
  for (auto who : d.who) {
    auto* owner = sessions_.owner(who);
    try {
      if (owner)
        owner->goodbye(d.restart);
    } catch (...) { // its client gets no goodbye, but the close code
      end_session(who, d.restart ? protocol::errc::restart : protocol::errc::shutdown);
    }
  }
}

// -- what cannot be said --------------------------------------------------------------------------

void dispatcher::end_session(session_key who, protocol::errc why) noexcept {
  if (auto* output = sessions_.find(who)) {
    output->close(why);
    sessions_.touch(who);
  }
}

void dispatcher::forget(room_key key, session_key who) noexcept {
  if (auto only = only_rooms_.find(who); only != only_rooms_.end() && only->second == key)
    only_rooms_.erase(only);
  auto i = rooms_.find(key);
  if (i == rooms_.end())
    return;
  if (auto* group = i->second.group_of(who)) {
    group->members.remove(who);
    count_members(-1);
  }
  drop_if_empty(i->second);
}

void dispatcher::give_up(room_key key, session_key who) noexcept {
  end_session(who, protocol::errc::internal);
  forget(key, who);
}

void dispatcher::give_up(room_key key) noexcept {
  if (auto i = rooms_.find(key); i != rooms_.end())
    for (auto& g : i->second.groups)
      g->members.for_each([&](session_key who) { end_session(who, protocol::errc::internal); });
  forget_room(key);
}

void dispatcher::forget_room(room_key key) noexcept {
  auto i = rooms_.find(key);
  if (i == rooms_.end())
    return;
  for (auto& g : i->second.groups) {
    auto& group = g->members;
    group.for_each([&](session_key who) {
      if (auto only = only_rooms_.find(who); only != only_rooms_.end() && only->second == key)
        only_rooms_.erase(only);
    });
    count_members(-static_cast<std::int64_t>(group.size()));
  }
  rooms_.erase(i);
}

// -- flushing -------------------------------------------------------------------------------------

bool dispatcher::flush() {
  auto left = budget_.of_turn;
  new_cost_ = 0;
  while (left > 0 && !ring_.empty()) {
    auto& room = ring_.front();
    ring_.pop_front();
    prefetch_next();
    std::size_t cost = 0;
    try {
      cost = flush_room(room, std::min(left, budget_.of_room));
    } catch (...) {
      ring_.push_back(room); // what it could not give waits for the next turn
      throw;
    }
    left -= std::min(left, std::max<std::size_t>(1, cost));
    if (room.pending())
      ring_.push_back(room);
    drop_if_empty(room);
  }
  return !ring_.empty();
}

void dispatcher::prefetch_next() const noexcept {
  if (!ring_.empty())
    for (auto& g : ring_.front().groups)
      g->members.prefetch_first(sessions_);
}

/// Members of all encodings get their turn: a group that always has more does not keep the others
/// waiting.
std::size_t dispatcher::flush_room(local_room& room, std::size_t max_cost) {
  std::size_t cost = 0;
  for (std::size_t tried = 0; tried < room.groups.size() && cost < max_cost; ++tried) {
    auto& speakers = *room.groups[room.turn];
    auto& group = speakers.members;
    room.turn = (room.turn + 1) % room.groups.size();
    if (!group.pending())
      continue;
    auto hold = room.pending_bytes() > held_bytes && room.more_than_one_batch();
    lost_.clear();
    auto done = group.flush(max_cost - cost, hold, sessions_, meter_, lost_);
    cost += done.cost;
    count_deliveries(speakers, done.frames);
    oldest_delivered_ = std::min(oldest_delivered_, group.take_delivered());
    for (auto who : lost_)
      if (group.contains(who)) {
        group.remove(who);
        count_members(-1);
      }
  }
  return cost;
}

// -- the table ------------------------------------------------------------------------------------

member_group& dispatcher::local_room::group_for(protocol::encoding e, memberships& all) {
  auto i = std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g->encoding == e; });
  return i != groups.end() ? (*i)->members
                           : groups.emplace_back(std::make_unique<encoding_group>(e, all))->members;
}

dispatcher::encoding_group* dispatcher::local_room::group_of(session_key who) {
  auto i =
    std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g->members.contains(who); });
  return i == groups.end() ? nullptr : i->get();
}

bool dispatcher::local_room::empty() const {
  return std::all_of(groups.begin(), groups.end(), [](auto& g) { return g->members.empty(); });
}

std::size_t dispatcher::local_room::size() const {
  std::size_t sum = 0;
  for (auto& g : groups)
    sum += g->members.size();
  return sum;
}

std::size_t dispatcher::local_room::sole_size() const {
  std::size_t sum = 0;
  for (auto& g : groups)
    sum += g->members.sole_size();
  return sum;
}

bool dispatcher::local_room::pending() const {
  return std::any_of(groups.begin(), groups.end(), [](auto& g) { return g->members.pending(); });
}

std::size_t dispatcher::local_room::pending_bytes() const {
  std::size_t sum = 0;
  for (auto& g : groups)
    sum += g->members.pending_bytes();
  return sum;
}

/// Whether something waits behind the batch that a flush would give out now.
bool dispatcher::local_room::more_than_one_batch() const {
  return std::any_of(groups.begin(), groups.end(),
                     [](auto& g) { return g->members.waiting_behind_batch(); });
}

void dispatcher::drop_if_empty(local_room& room) {
  if (room.empty())
    rooms_.erase(room_key{room.identity->key});
}

void dispatcher::count_members(std::int64_t change) {
  loop_counts::add(counts_.members, static_cast<std::uint64_t>(change));
}

void dispatcher::count_deliveries(const encoding_group& to, std::size_t frames) noexcept {
  loop_counts::add(counts_.deliveries[protocol::index_of(to.encoding)], frames);
}

// -- how long it took -----------------------------------------------------------------------------

void dispatcher::note_delivered(steady_time now) noexcept {
  if (auto since = std::exchange(oldest_delivered_, steady_time::max());
      since != steady_time::max())
    counts_.delivery_times.note(now - since);
}

void dispatcher::clear() {
  rooms_.clear();
  only_rooms_.clear();
}

} // namespace troupe::actors
