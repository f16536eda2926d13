#include "registry_shard.hpp"

#include "guarded.hpp"
#include "room.hpp"

#include <utility>

namespace troupe::actors {

registry_shard::registry_shard(caf::actor_config& cfg, compat::loop_context& home, node_shared& shared, loop_unit& unit)
  : pinned(cfg, home), shared_(shared), unit_(unit) {}

registry_shard::behavior_type registry_shard::make_behavior() {
  auto guard = [this](auto&& f) { guarded(*shared_.options.log, *shared_.options.counters, "registry", f); };
  return {
    [this](const find_room& m) -> caf::result<found_room> {
      return guarded(*shared_.options.log, *shared_.options.counters, "registry", found_room{protocol::errc::internal, {}}, [&] {
        auto found = find_or_make(m.name);
        if (found.code == protocol::errc::ok)
          expect_join(*find(m.name)->cell);
        return found;
      });
    },
    [this, guard](const end_request& m) { guard([&] { end(m.name, m.room, m.reason); }); },
    [this, guard](const room_empty& m) {
      guard([&] {
        auto* room = find(m.name);
        if (room && room->key == m.room && !is_wanted(*room->cell))
          end(m.name, m.room, room_end::empty);
      });
    },
    [this, guard](const outside_event& m) {
      guard([&] {
        if (auto* room = find(m.room))
          compat::send(this, room->handle, m);
        else
          shared_.options.counters->count(protocol::counter::dropped, "no_such_room");
      });
    },
    [this, guard](const observe_request& m) {
      guard([&] {
        if (auto found = find_or_make(m.room); found.code == protocol::errc::ok)
          compat::send(this, found.room, m);
        else
          compat::anon_send(m.who, room_event{room_event::kind::refused, {}, m.room, {}, 0, {}});
      });
    },
    [this, guard](const unobserve_request& m) {
      guard([&] {
        if (auto* room = find(m.room))
          compat::send(this, room->handle, m);
      });
    },
    [this, guard](stop_shard) { guard([&] { stop(); }); },
  };
}

found_room registry_shard::find_or_make(const std::string& name) {
  if (auto* room = find(name))
    return {protocol::errc::ok, room->handle};
  if (stopping_)
    return {protocol::errc::overloaded, {}};
  auto limit = shared_.options.rooms.max_rooms;
  if (limit > 0 && shared_.rooms.load(std::memory_order_relaxed) >= limit)
    return {protocol::errc::node_room_limit, {}};
  make(name);
  return {protocol::errc::ok, find(name)->handle};
}

/// Keeps a room for the connection that was just told of it, for a while.
void registry_shard::expect_join(room_cell& cell) {
  constexpr std::chrono::seconds time_to_join{1};
  ++cell.expected;
  cell.expected_until = unit_.loop->now() + time_to_join;
}

/// Whether a room that said it was empty has been entered since, or is about to be.
bool registry_shard::is_wanted(const room_cell& cell) const {
  return cell.occupants > 0 || (cell.expected > 0 && unit_.loop->now() < cell.expected_until);
}

registry_shard::listing* registry_shard::find(const std::string& name) {
  auto i = rooms_.find(name);
  return i == rooms_.end() ? nullptr : &i->second;
}

void registry_shard::make(const std::string& name) {
  listing l;
  l.key = room_key{shared_.room_serial.fetch_add(1, std::memory_order_relaxed) + 1};
  l.cell = std::make_shared<room_cell>();
  l.handle = compat::spawn_on<room>(home(), shared_, unit_, name, l.key, l.cell);
  watch(l.handle, [this, name, key = l.key](const caf::error& reason) {
    guarded(*shared_.options.log, *shared_.options.counters, "registry",
            [&] { on_down(name, key, !reason || reason == caf::exit_reason::normal); });
  });
  rooms_.insert_or_assign(name, std::move(l));
  ++alive_;
  shared_.rooms.fetch_add(1, std::memory_order_relaxed);
  loop_counts::add(unit_.counts.rooms, 1);
}

/// Ends a room in one step: from here on nobody finds it, and it answers nobody but by `room_gone`.
void registry_shard::end(const std::string& name, room_key key, room_end reason) {
  auto* room = find(name);
  if (!room || room->key != key)
    return;
  room->cell->closing = true;
  auto handle = std::move(room->handle);
  rooms_.erase(name);
  if (reason != room_end::empty)
    announce_end(key, reason);
  compat::send(this, handle, end_room{reason});
}

void registry_shard::on_down(const std::string& name, room_key key, bool in_order) {
  --alive_;
  shared_.rooms.fetch_sub(1, std::memory_order_relaxed);
  loop_counts::add(unit_.counts.rooms, static_cast<std::uint64_t>(-1));
  if (!in_order)
    shared_.options.counters->count(protocol::counter::rooms_crashed);
  if (auto* room = find(name); room && room->key == key) {
    room->cell->closing = true;
    rooms_.erase(name);
    announce_end(key, room_end::crashed);
  }
  if (stopping_ && alive_ == 0)
    quit(caf::exit_reason::normal);
}

void registry_shard::announce_end(room_key key, room_end reason) {
  for (auto& unit : shared_.units)
    compat::send(this, unit->output_actor, room_closed{key, reason});
}

void registry_shard::stop() {
  stopping_ = true;
  for (auto& [name, room] : std::exchange(rooms_, {})) {
    room.cell->closing = true;
    compat::send(this, room.handle, end_room{room_end::stopped});
  }
  if (alive_ == 0)
    quit(caf::exit_reason::normal);
}

void registry_shard::release_state() { rooms_.clear(); }

} // namespace troupe::actors
