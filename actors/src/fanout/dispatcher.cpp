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
  if (s.behind == 0) {
    auto& group = room_for(s.room).group_for(s.encoding, memberships_);
    if (!group.contains(s.who)) {
      group.add(s.who);
      count_members(1);
    }
  }
  if (s.is_held)
    replays_.hold(s.who);
  if (s.missed)
    replays_.note(s.room, s.who, s.encoding, s.behind);
  if (is_held(s.who)) {
    if (s.missed)
      for (auto& m : *s.missed)
        replays_.keep(s.who, s.room->key, m.bytes);
    return;
  }
  if (s.first)
    sessions_.append(s.who, s.first, output_kind::control);
  if (s.missed)
    append_missed(s);
}

void dispatcher::append_missed(const subscribe& s) {
  for (auto& m : *s.missed) {
    sessions_.append(s.who, m.bytes, {0, static_cast<std::uint32_t>(m.bytes.size())}, m.frames,
                     m.kind);
    if (m.kind == output_kind::data)
      count_deliveries(protocol::index_of(s.encoding), m.frames);
  }
}

dispatcher::local_room& dispatcher::room_for(const room_identity_ptr& identity) {
  auto key = identity->key;
  if (rooms_.size() <= key.slot)
    rooms_.resize(std::max<std::size_t>(key.slot + 1, 2 * rooms_.size()));
  auto& room = rooms_[key.slot];
  if (room && room->key != key)
    forget_room(*room);
  if (!room) {
    room = std::make_unique<local_room>();
    ++room_count_;
    room->key = key;
    room->identity = identity;
  }
  return *room;
}

/// A client that is in one room at a time gets what its old room has said so far, and then nothing
/// more of it: its frames do not name rooms.
void dispatcher::leave_room_before(const subscribe& s) {
  auto& only = only_rooms_[s.who];
  auto before = std::exchange(only, s.room->key);
  auto* room = before == s.room->key ? nullptr : find(before);
  if (!room)
    return;
  auto in = catch_up(*room, s.who);
  if (in == protocol::encoding_count)
    return;
  room->groups[in]->remove(s.who);
  count_members(-1);
  drop_if_empty(*room);
}

/// Queues for a member what it lacks of what the room has said. Returns the index of its group;
/// `encoding_count` if it is no member.
std::size_t dispatcher::catch_up(local_room& room, session_key who) {
  auto in = room.find(who);
  if (in != protocol::encoding_count)
    count_deliveries(in, room.groups[in]->catch_up(who, sessions_));
  return in;
}

void dispatcher::on_fan_out(const fan_out& f) {
  auto* found = find(f.room);
  if (!found)
    return;
  auto& room = *found;
  auto for_each_receiver = [&](auto&& give) {
    for (auto left = room.spoken; left != 0; left &= left - 1)
      if (auto e = static_cast<std::size_t>(std::countr_zero(left));
          f.frames[e] && !room.groups[e]->empty())
        give(*room.groups[e], f.frames[e]);
  };
  for_each_receiver([&](member_group& group, auto&) {
    auto exclusions = std::size_t{f.except ? 1U : 0U} + (f.except_also ? f.except_also->size() : 0);
    group.make_room_for_push(exclusions, f.for_behind != if_behind::queue);
  });
  for_each_receiver([&](member_group& group, auto& frame) {
    group.push(frame, f.except, f.source, f.own, f.at, f.for_behind);
    if (f.except_also)
      for (auto who : *f.except_also)
        group.exclude(who);
  });
  if (!room.in_ring() && room.pending()) {
    ring_.push_back(room);
    new_cost_ += std::min(room.sole_size(), budget_.of_room);
  }
}

/// Gives a session the last words of rooms that it was told that it is in.
void dispatcher::on_release(const release_session& r) {
  for (auto& last : replays_.release(r.who))
    if (std::find(r.rooms.begin(), r.rooms.end(), last.room) != r.rooms.end())
      sessions_.append(r.who, last.frame, output_kind::control);
}

void dispatcher::on_drop(const drop_membership& d) {
  auto* room = find(d.room);
  auto in = room ? room->find(d.who) : protocol::encoding_count;
  if (in == protocol::encoding_count)
    return; // it has heard that it has left
  dropped_.push_back(d);
  room->groups[in]->remove(d.who);
  count_members(-1);
  drop_if_empty(*room);
}

/// Whether a membership was dropped that its room ends now.
bool dispatcher::take_dropped(room_key room, session_key who) noexcept {
  return std::erase_if(dropped_, [&](auto& d) { return d.room == room && d.who == who; }) > 0;
}

void dispatcher::on_member_frame(const member_frame& f) {
  if (f.remove && !dropped_.empty() && take_dropped(f.room, f.who))
    return;
  auto* room = find(f.room);
  auto in = room ? catch_up(*room, f.who) : protocol::encoding_count;
  auto is_member = in != protocol::encoding_count;
  if (f.frame && (is_member || !f.only_member)) {
    if (is_held(f.who))
      replays_.keep(f.who, f.room, f.frame);
    else
      sessions_.append(f.who, f.frame, output_kind::control);
  }
  if (!f.remove)
    return;
  if (is_member) {
    room->groups[in]->remove(f.who);
    count_members(-1);
    drop_if_empty(*room);
  }
  if (!replays_.empty())
    replays_.remove(f.room, f.who);
  forget_only_room(f.who, f.room);
}

void dispatcher::on_last_frame(const last_frame& f) {
  for (auto key : f.rooms)
    if (auto* room = find(key))
      catch_up(*room, f.who);
  if (f.frame)
    sessions_.append(f.who, f.frame, output_kind::control);
  end_session(f.who, f.why);
}

void dispatcher::on_room_closed(const room_closed& c) {
  auto* found = find(c.room);
  std::erase_if(dropped_, [&](auto& d) { return d.room == c.room; });
  auto tell = [&](session_key who, const protocol::shared_bytes& farewell) {
    if (is_held(who))
      replays_.keep(who, c.room, farewell);
    else
      sessions_.append(who, farewell, output_kind::control);
    if (auto* owner = sessions_.owner(who))
      owner->room_closed(c.room);
  };
  replays_.take_all(c.room, [&](session_key who, protocol::encoding in, const room_identity& r) {
    if (c.reason != room_end::stopped)
      tell(who, protocol::room_closed_frame(in, r.name, reason_text(c.reason), meter_));
  });
  if (!found)
    return;
  auto& room = *found;
  for (std::size_t e = 0; e < room.groups.size(); ++e) {
    auto* group = room.groups[e].get();
    if (!group || group->empty())
      continue;
    count_deliveries(e, group->catch_up_all(sessions_));
    if (c.reason == room_end::stopped)
      continue; // clients hear that the node stops
    auto farewell = protocol::room_closed_frame(static_cast<protocol::encoding>(e),
                                                room.identity->name, reason_text(c.reason), meter_);
    group->for_each([&](session_key who) { tell(who, farewell); });
  }
  forget_room(room);
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
  forget_only_room(who, key);
  replays_.remove(key, who);
  auto* room = find(key);
  if (!room)
    return;
  if (auto in = room->find(who); in != protocol::encoding_count) {
    room->groups[in]->remove(who);
    count_members(-1);
  }
  drop_if_empty(*room);
}

void dispatcher::forget_only_room(session_key who, room_key key) noexcept {
  if (auto only = only_rooms_.find(who); only != only_rooms_.end() && only->second == key)
    only_rooms_.erase(only);
}

void dispatcher::give_up(room_key key, session_key who) noexcept {
  end_session(who, protocol::errc::internal);
  forget(key, who);
}

void dispatcher::give_up(room_key key) noexcept {
  replays_.take_all(key,
                    [&](session_key who, auto...) { end_session(who, protocol::errc::internal); });
  auto* room = find(key);
  if (!room)
    return;
  room->for_each_group([&](member_group& group) {
    group.for_each([&](session_key who) { end_session(who, protocol::errc::internal); });
  });
  forget_room(*room);
}

void dispatcher::forget_room(local_room& room) noexcept {
  room.for_each_group([&](member_group& group) {
    group.for_each([&](session_key who) { forget_only_room(who, room.key); });
    count_members(-static_cast<std::int64_t>(group.size()));
  });
  rooms_[room.key.slot] = nullptr;
  --room_count_;
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
  bool more = !ring_.empty();
  if (!replays_.empty())
    more |= replays_.ask(sessions_);
  return more;
}

void dispatcher::prefetch_next() const noexcept {
  if (!ring_.empty())
    ring_.front().for_each_group([&](member_group& group) { group.prefetch_first(sessions_); });
}

/// Members of all encodings get their turn: a group that always has more does not keep the others
/// waiting.
std::size_t dispatcher::flush_room(local_room& room, std::size_t max_cost) {
  std::size_t cost = 0;
  // as many times as there are groups, if the cost allows it
  for (auto left = room.spoken; left != 0 && cost < max_cost; left &= left - 1) {
    auto later = room.spoken >> room.turn; // else it is the first one's turn again
    auto encoding = later != 0 ? room.turn + static_cast<std::size_t>(std::countr_zero(later))
                               : static_cast<std::size_t>(std::countr_zero(room.spoken));
    room.turn = encoding + 1;
    if (!room.groups[encoding]->pending())
      continue;
    auto& group = *room.groups[encoding];
    auto hold = room.pending_bytes() > held_bytes && room.more_than_one_batch();
    lost_.clear();
    auto done = group.flush(max_cost - cost, hold, sessions_, meter_, lost_);
    cost += done.cost;
    count_deliveries(encoding, done.frames);
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
  auto& group = groups[protocol::index_of(e)];
  if (!group) {
    group = std::make_unique<member_group>(all);
    spoken |= 1u << protocol::index_of(e);
  }
  return *group;
}

std::size_t dispatcher::local_room::find(session_key who) const {
  for (auto left = spoken; left != 0; left &= left - 1)
    if (auto e = static_cast<std::size_t>(std::countr_zero(left)); groups[e]->contains(who))
      return e;
  return groups.size();
}

bool dispatcher::local_room::empty() const {
  return !any_group([](auto& g) { return !g.empty(); });
}

std::size_t dispatcher::local_room::sole_size() const {
  std::size_t sum = 0;
  for_each_group([&](auto& g) { sum += g.sole_size(); });
  return sum;
}

bool dispatcher::local_room::pending() const {
  return any_group([](auto& g) { return g.pending(); });
}

std::size_t dispatcher::local_room::pending_bytes() const {
  std::size_t sum = 0;
  for_each_group([&](auto& g) { sum += g.pending_bytes(); });
  return sum;
}

/// Whether something waits behind the batch that a flush would give out now.
bool dispatcher::local_room::more_than_one_batch() const {
  return any_group([](auto& g) { return g.waiting_behind_batch(); });
}

void dispatcher::drop_if_empty(local_room& room) noexcept {
  if (room.empty())
    forget_room(room);
}

void dispatcher::count_members(std::int64_t change) {
  loop_counts::add(counts_.members, static_cast<std::uint64_t>(change));
}

void dispatcher::count_deliveries(std::size_t encoding, std::size_t frames) noexcept {
  loop_counts::add(counts_.deliveries[encoding], frames);
  if (auto& buffers = memberships_.buffers(); (buffers.skipped | buffers.replaced) > 0)
    count_behind();
}

/// What members that are behind have missed.
void dispatcher::count_behind() noexcept {
  auto& buffers = memberships_.buffers();
  loop_counts::add(counts_.skipped, std::exchange(buffers.skipped, 0));
  loop_counts::add(counts_.replaced, std::exchange(buffers.replaced, 0));
}

// -- how long it took -----------------------------------------------------------------------------

void dispatcher::note_delivered(steady_time now) noexcept {
  if (auto since = std::exchange(oldest_delivered_, steady_time::max());
      since != steady_time::max())
    counts_.delivery_times.note(now - since);
}

void dispatcher::clear() {
  rooms_.clear();
  room_count_ = 0;
  only_rooms_.clear();
  replays_.clear();
  dropped_.clear();
}

} // namespace troupe::actors
