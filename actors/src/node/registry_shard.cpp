#include "node/registry_shard.hpp"

#include "room/room.hpp"
#include "runtime/owed_answer.hpp"

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>

namespace troupe::actors {

using protocol::errc;

namespace {

/// After so many rooms have ended before they handled an entry, the entry is refused: the next room
/// may end, too.
constexpr std::uint8_t most_failed_rooms = 3;

/// Whether an entry makes its room if there is none.
bool makes_room(const room_entry& entry) {
  auto* hold = std::get_if<hold_request>(&entry);
  return std::holds_alternative<join_request>(entry)
      || std::holds_alternative<observe_request>(entry) || (hold && hold->wanted);
}

/// Counts one more room that has ended before it handled the entry. Returns whether the entry may
/// try another.
bool may_go_on(room_entry& entry) {
  if (auto* join = std::get_if<join_request>(&entry))
    return ++join->failed_rooms < most_failed_rooms;
  if (auto* observer = std::get_if<observe_request>(&entry))
    return ++observer->failed_rooms < most_failed_rooms;
  return !std::holds_alternative<hold_request>(entry); // a wish makes one room at most
}

} // namespace

registry_shard::registry_shard(caf::actor_config& cfg, compat::loop_context& home,
                               node_context& shared, loop_unit& unit)
  : dispatched(cfg, home), shared_(shared), unit_(unit), rooms_(0, seeded_hash{shared.key}) {
  constexpr std::size_t few = 16;
  late_.reserve(few);
}

template <class F>
void registry_shard::guard(F&& f) {
  try {
    f();
  } catch (...) {
    protocol::report_exception(*shared_.options.log, *shared_.options.counters, "registry");
    unit_.loop->arm(second_try_, timer_wheel::tick);
  }
}

registry_shard::behavior_type registry_shard::make_behavior() {
  return {
    [this](room_call& call) { handle(call); },
    [this](const end_request& m) {
      guard([&] {
        if (auto* room = find(m.name); room && (!m.room || room->key == m.room))
          end(*room, m.reason);
      });
    },
    [this](const room_empty& m) {
      guard([&] {
        if (auto* room = find(m.name);
            room && room->key == m.room && room->cell->handed_on == m.entries)
          m.linger.count() > 0 && !stopping_ ? linger(m.name, *room, m.linger)
                                             : end(*room, room_end::empty);
      });
    },
    [this](end_oldest_lingering) {
      guard([&] {
        if (auto* oldest = unit_.lingering.oldest())
          oldest->end();
      });
    },
    [this](const outside_event& m) {
      guard([&] {
        if (auto* room = find(m.room); room && !room->ending)
          compat::send(this, room->handle, m);
        else
          shared_.options.counters->count(protocol::counter::dropped, "no_such_room");
      });
    },
    [this](const outside_request& m) {
      m.question->accept();
      guard([&] {
        auto* room = find(m.room);
        if (room && !room->ending)
          compat::send(this, room->handle, m);
        else
          m.question->answer({{}, room ? errc::room_closed : errc::not_joined});
      });
    },
    [this](const outside_task& m) {
      guard([&] {
        if (auto* room = find(m.room); room && !room->ending)
          compat::send(this, room->handle, m);
        else
          shared_.options.counters->count(protocol::counter::dropped, "no_such_room");
      });
    },
    [this](const std::string& name, const interface_ref& wanted) { return look_up(name, wanted); },
    [this](stop_shard) { guard([&] { stop(); }); },
  };
}

/// Asks the room itself, or the shard that knows it. An asker that cannot be answered, for want of
/// memory, hears its own time-out.
caf::result<caf::strong_actor_ptr> registry_shard::look_up(const std::string& name,
                                                           const interface_ref& wanted) {
  using answer = compat::owed_answer<caf::strong_actor_ptr>;
  answer owed{*this};
  auto give = [this, owed](const caf::strong_actor_ptr& room) {
    guard([&] { owed.give(*this, room); });
  };
  auto refuse = [this, owed](const caf::error& why) { guard([&] { owed.refuse(*this, why); }); };
  guard([&] {
    auto& home = shared_.home_of(name);
    auto* room = &home == &unit_ ? find(name) : nullptr;
    if (&home != &unit_)
      compat::request(this, home.registry, caf::infinite, name, wanted).then(give, refuse);
    else if (room && !room->ending)
      compat::request(this, room->handle, caf::infinite, wanted).then(give, refuse);
    else
      refuse(caf::make_error(caf::sec::invalid_argument, "there is no room " + name));
  });
  return answer::to_come();
}

// -- entries --------------------------------------------------------------------------------------

void registry_shard::handle(room_call& call) {
  guard([&] { enter(call.room, std::move(call.entry)); });
}

/// Hands an entry on to its room, and makes the room if need be. If that fails, refuses the entry.
void registry_shard::enter(const std::string& name, room_entry&& entry) {
  if (std::holds_alternative<leave_request>(entry))
    return take_leave(name, std::move(entry));
  auto* room = find(name);
  if (is_for_another(room, entry))
    return refuse(name, entry, errc::room_closed);
  if (!room && !makes_room(entry))
    return; // it takes back an entry that has made no room
  if (!room && is_for_a_seat(name, entry))
    return refuse(name, entry, errc::room_closed);
  if (!room) {
    if (auto why = reason_against_another(name); why != errc::ok)
      return refuse(name, entry, why);
  }
  try {
    hand_on(room ? *room : make(name, entry), std::move(entry));
  } catch (...) {
    protocol::report_exception(*shared_.options.log, *shared_.options.counters, "registry");
    refuse(name, entry, errc::internal);
    end_unused(name);
  }
}

/// Whether it asks for a seat in, or gives one up of, a room that is no more.
bool registry_shard::is_for_another(const listing* room, const room_entry& entry) {
  auto is_another = [&](room_key wanted) { return room && wanted && room->key != wanted; };
  if (auto* hold = std::get_if<hold_request>(&entry))
    return (!room && !hold->wanted) || is_another(hold->room);
  auto* release = std::get_if<release_request>(&entry);
  return release && is_another(release->room);
}

/// Whether a session comes back to a place of its own: that has ended with the room, and makes no
/// other one.
bool registry_shard::is_for_a_seat(const std::string& name, const room_entry& entry) const {
  auto* join = std::get_if<join_request>(&entry);
  if (join && join->must_replace)
    return true;
  auto* rule = join && join->resumed ? shared_.rule_for(name) : nullptr;
  return rule && rule->options.keep_seat.count() > 0;
}

/// Handles a leave whose join the room may not have handled yet. Nobody repeats a leave, so it is
/// kept for later if there is no memory.
void registry_shard::take_leave(const std::string& name, room_entry&& entry) {
  auto* room = find(name);
  if (!room)
    return; // the join has made no room, or has gone with it
  try {
    hand_on(*room, std::move(entry)); // by the cell, where a join that was put off goes back to
  } catch (...) {
    protocol::report_exception(*shared_.options.log, *shared_.options.counters, "registry");
    late_.push_back({name, std::move(entry)});
    unit_.loop->arm(second_try_, timer_wheel::tick);
  }
}

/// Soon ends a room that has never been handed the entry it was made for: it would never report
/// that it is empty.
void registry_shard::end_unused(const std::string& name) noexcept {
  auto* room = find(name);
  if (!room || room->ending || room->cell->handed_on > 0)
    return;
  room->is_to_end = room_end::empty;
  unit_.loop->arm(second_try_, timer_wheel::tick);
}

/// If this throws, nothing has changed, and `entry` is as before.
void registry_shard::hand_on(listing& room, room_entry&& entry) {
  auto& entries = room.cell->entries;
  entries.push_back(std::move(entry));
  try {
    if (!room.ending)
      compat::dispatch(room.handle, entry_waits{});
  } catch (...) {
    entry = std::move(entries.back());
    entries.pop_back();
    throw;
  }
  ++room.cell->handed_on;
  room.lingers = nullptr;
}

void registry_shard::refuse(const std::string& name, const room_entry& entry, errc why) noexcept {
  auto* join = std::get_if<join_request>(&entry);
  auto* hold = std::get_if<hold_request>(&entry);
  try {
    if (hold)
      compat::anon_send(shared_.rule_for(name)->matchmaker,
                        hold_answer{hold->ticket, hold->listing, name, hold->user_id, why});
    else if (join)
      compat::dispatch(caf::actor_cast<connection_actor>(join->from),
                       join_answer{join->ticket, {why, {}, {}}, {}});
    else if (auto* observer = std::get_if<observe_request>(&entry))
      compat::anon_send(observer->who, room_event{room_event::kind::refused, {}, name, {}, 0, {}});
  } catch (...) {
    protocol::report_exception(*shared_.options.log, *shared_.options.counters, "registry");
    if (join)
      shared_.units[join->who.loop]->loop->give_up(join->who);
  }
}

// -- rooms ----------------------------------------------------------------------------------------

registry_shard::listing* registry_shard::find(const std::string& name) {
  auto i = rooms_.find(name);
  return i == rooms_.end() ? nullptr : &i->second;
}

errc registry_shard::reason_against_another(const std::string& name) {
  if (stopping_)
    return errc::overloaded;
  if (shared_.options.only_registered_rooms && !shared_.rule_for(name))
    return errc::no_such_room;
  auto limit = shared_.options.rooms.max_rooms;
  auto is_full = limit > 0 && shared_.rooms.load(std::memory_order_relaxed) >= limit;
  return is_full && !make_place() ? errc::node_room_limit : errc::ok;
}

/// Ends the room of the node that has lingered longest, if any does: soon there are as many as
/// before. (Of another loop's that is asked; if somebody comes back to it meanwhile, there is one
/// room more than the limit.)
bool registry_shard::make_place() {
  auto with_oldest =
    std::min_element(shared_.units.begin(), shared_.units.end(), [](auto& a, auto& b) {
      return a->lingering.oldest_since() < b->lingering.oldest_since();
    });
  auto& unit = **with_oldest;
  if (unit.lingering.oldest_since() == steady_time::max())
    return false;
  if (&unit != &unit_)
    compat::send(this, unit.registry, end_oldest_lingering{});
  else
    unit_.lingering.oldest()->end();
  return true;
}

/// Lets an empty room live on for that time. Without memory for that, it ends.
void registry_shard::linger(const std::string& name, listing& room,
                            std::chrono::milliseconds time) noexcept {
  if (room.lingers || room.ending)
    return;
  try {
    room.lingers = std::make_unique<lingering>(*this, rooms_.find(name)->first);
    unit_.loop->arm(*room.lingers, time);
  } catch (const std::bad_alloc&) {
    room.is_to_end = room_end::empty;
    room.entries = room.cell->handed_on;
    unit_.loop->arm(second_try_, timer_wheel::tick);
  }
}

void registry_shard::lingering::end() {
  auto& shard = owner; // outlives this
  shard.guard([&] {
    if (auto* room = shard.find(name))
      shard.end(*room, room_end::empty);
  });
}

void registry_shard::lingering::on_deadline() {
  if (!owner.dispatched::enter([this] { end(); }))
    owner.unit_.loop->arm(*this, timer_wheel::tick);
}

registry_shard::listing& registry_shard::make(const std::string& name, room_entry& entry) {
  auto& l = rooms_[name];
  try {
    l.key = shared_.keys.take();
    l.cell = std::make_shared<room_cell>();
    if (auto* hold = std::get_if<hold_request>(&entry)) {
      l.cell->wanted = hold->wanted;
      hold->made = true;
    }
    if (auto* rule = shared_.rule_for(name))
      l.matchmaker = rule->matchmaker;
    l.handle = compat::spawn_on<room>(home(), shared_, unit_, name, l.key, l.cell);
    watch(l.handle, [this, name](const caf::error& reason) {
      guard([&] { on_down(name, !reason || reason == caf::exit_reason::normal); });
    });
  } catch (...) {
    if (l.handle)
      static_cast<room*>(caf::actor_cast<caf::abstract_actor*>(l.handle))->kill();
    if (l.key)
      shared_.keys.give_back(l.key);
    rooms_.erase(name);
    throw;
  }
  shared_.rooms.fetch_add(1, std::memory_order_relaxed);
  loop_counts::add(unit_.counts.rooms, 1);
  return l;
}

/// Stops handing entries on to the room, which first handles those that it has been handed.
void registry_shard::end(listing& room, room_end reason) {
  if (room.ending)
    return;
  room.lingers = nullptr;
  room.is_to_end = reason;
  room.entries = room.cell->handed_on;
  compat::send(this, room.handle, end_room{reason});
  room.is_to_end.reset();
  room.ending = true;
}

void registry_shard::on_down(const std::string& name, bool in_order) {
  auto* gone = find(name);
  if (!gone)
    return;
  gone->ending = gone->down = true;
  gone->lingers = nullptr;
  gone->crashed = !in_order;
  shared_.rooms.fetch_sub(1, std::memory_order_relaxed);
  loop_counts::add(unit_.counts.rooms, static_cast<std::uint64_t>(-1));
  if (!in_order)
    shared_.options.counters->count(protocol::counter::rooms_crashed);
  bury(name, *gone);
}

/// Forgets a room once all loops have been told of its crash; until then new entries wait.
void registry_shard::bury(const std::string& name, listing& room) {
  for (; room.crashed && room.told_loops < shared_.units.size(); ++room.told_loops)
    compat::send(this, shared_.units[room.told_loops]->output_actor,
                 room_closed{room.key, room_end::crashed});
  tell_matchmaker(name, room);
  shared_.keys.give_back(room.key);
  auto gone = rooms_.extract(name);
  pass_on(gone.key(), *gone.mapped().cell);
  if (stopping_ && rooms_.empty())
    unit_.end->rooms_gone();
}

void registry_shard::tell_matchmaker(const std::string& name, listing& gone) {
  if (gone.matchmaker)
    compat::anon_send(gone.matchmaker, unlist_room{name, gone.key});
  gone.matchmaker = nullptr;
}

void registry_shard::second_try::on_deadline() {
  if (!owner.dispatched::enter([this] { owner.guard([this] { owner.try_again(); }); }))
    owner.unit_.loop->arm(*this, timer_wheel::tick);
}

void registry_shard::try_again() {
  for (auto left = late_.size(); left > 0; --left) { // those that fail again are appended
    auto call = std::move(late_.front());
    late_.erase(late_.begin());
    take_leave(call.room, std::move(call.entry));
  }
  for (auto& [name, room] : rooms_) {
    if (stopping_ && !room.ending)
      room.is_to_end = room_end::stopped;
    if (room.is_to_end == room_end::empty && room.cell->handed_on != room.entries)
      room.is_to_end.reset(); // a new entry has come
    if (room.is_to_end)
      end(room, *room.is_to_end);
  }
  auto is_down = [](auto& room) { return room.second.down; };
  for (auto i = std::find_if(rooms_.begin(), rooms_.end(), is_down); i != rooms_.end();
       i = std::find_if(rooms_.begin(), rooms_.end(), is_down))
    bury(i->first, i->second);
}

/// Hands on to a successor the entries that a room has left behind. Does not throw: nobody would
/// retry the rest.
void registry_shard::pass_on(const std::string& name, room_cell& cell) {
  auto& entries = cell.entries;
  if (cell.handling) { // the room has crashed while it handled this entry
    refuse(name, entries.front(), errc::room_closed);
    entries.pop_front();
  }
  for (; !entries.empty(); entries.pop_front())
    guard([&, &entry = entries.front()] {
      if (!may_go_on(entry))
        refuse(name, entry, errc::room_closed);
      else
        enter(name, std::move(entry));
    });
}

void registry_shard::stop() {
  stopping_ = true;
  for (auto& [name, room] : rooms_)
    end(room, room_end::stopped);
  if (rooms_.empty())
    unit_.end->rooms_gone();
}

void registry_shard::release_state() {
  second_try_.cancel();
  late_.clear();
  rooms_.clear();
}

} // namespace troupe::actors
