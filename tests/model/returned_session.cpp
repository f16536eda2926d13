#include <utility>

#include "returned_session.hpp"

#include <algorithm>

namespace troupe::model {

namespace {

/// The history has 8 entries.
constexpr std::uint64_t kept_broadcasts = 8;

bool has(const std::vector<frame_fields>& rooms, const std::string& name) {
  return std::any_of(rooms.begin(), rooms.end(), [&](auto& r) { return r.room == name; });
}

} // namespace

void returned_session::check(bool is_alone) {
  check_rooms_once();
  for (auto& room : told_.rooms)
    check_recovered(room);
  if (!is_alone)
    return;
  check_order();
  for (auto& room : told_.rooms)
    check_is_possible(room);
  for (auto& room : told_.lost)
    check_lost(room);
  for (auto& [room, at] : claim_.held)
    check_is_told(room, at);
}

/// Pins §4.102.
void returned_session::check_rooms_once() {
  std::set<std::string> all;
  for (auto* some : {&told_.rooms, &told_.lost})
    for (auto& r : *some)
      if (!all.insert(r.room).second)
        complain("names " + r.room + " twice");
  for (auto& at : claim_.named)
    if (!all.contains(at.room))
      complain("leaves out " + at.room + ", which the client has named");
}

/// Pins §4.107.
void returned_session::check_recovered(const frame_fields& room) {
  auto* at = named(room.room);
  auto has_all =
    at && at->epoch == room.epoch && at->seq <= *room.seq && at->seq + kept_broadcasts >= *room.seq;
  if (room.recovered.value_or(!has_all) != has_all)
    complain("says of " + room.room + ", from " + (at ? std::to_string(at->seq) : "nowhere")
             + " at " + std::to_string(*room.seq)
             + (has_all ? ", that it was not recovered" : ", that it was recovered"));
}

/// Pins §4.99.
void returned_session::check_order() {
  int before = -1;
  for (auto& room : told_.rooms) {
    auto at = now_.held.find(room.room);
    if (at == now_.held.end() || !at->second.is_order_sure)
      continue;
    if (at->second.order < before)
      complain("has " + room.room + " behind rooms that were joined later");
    before = at->second.order;
  }
}

void returned_session::check_is_possible(const frame_fields& room) {
  if (!claim_.possible.contains(room.room) && !now_.possible.contains(room.room))
    complain("has " + room.room + ", where the session was not");
}

/// A room where the session was is told. What the former connection had not been told itself of its
/// join is not part of the session yet.
void returned_session::check_is_told(const std::string& room, const resume_claim::seat& at) {
  if (at.is_confirmed && was_in(at) && !has(told_.rooms, room) && !has(told_.lost, room))
    complain("does not say what has become of " + room);
}

void returned_session::check_lost(const frame_fields& room) {
  ++oracle_.seen["lost"];
  auto at = claim_.held.find(room.room);
  auto& said = oracle_.returns[{room.room, client_}];
  auto is_held = at != claim_.held.end();
  auto has_seat = is_held && oracle_.logs[at->second.log].keeps_seats;
  auto is_kept = is_held && at->second.is_confirmed && was_in(at->second)
              && !has_gone_again(room.room) && (!has_seat || keeps_seat(room.room, at->second));
  if (room.code == "not_joined" && is_kept)
    complain("calls " + room.room + " not joined, where the session was");
  else if (room.code == "forbidden" && !said.contains("forbidden"))
    complain("calls " + room.room + " forbidden, which the room did not say");
  else if (room.code == "internal" && !said.contains("internal"))
    complain("has lost " + room.room + " by internal, where the room has not slipped");
  else if (room.code == "room_full" && (room.room != "booth" || has_seat))
    complain("calls " + room.room + " full, which has a place for it");
  else if (room.code != "not_joined" && room.code != "forbidden" && room.code != "room_full"
           && room.code != "room_closed" && room.code != "internal")
    complain("has lost " + room.room + " by " + room.code);
}

/// Whether the former holder was in that room until its connection was lost or taken over.
bool returned_session::was_in(const resume_claim::seat& at) const {
  auto& all = oracle_.logs[at.log].entries;
  for (auto i = at.next; i < all.size(); ++i)
    if (all[i].ends(claim_.holder))
      return all[i].reason == actors::leave_reason::disconnected;
  return false; // it has ended with the room
}

/// Whether the seat of the former holder is still there, or was there until the client came back.
bool returned_session::keeps_seat(const std::string& room, const resume_claim::seat& at) const {
  auto& log = oracle_.logs[at.log];
  return oracle_.returns[{room, client_}].contains("came")
      || (!log.over && log.inside.contains(claim_.holder));
}

/// Whether the client that came back has left the room since, or the room has ended.
bool returned_session::has_gone_again(const std::string& room) const {
  return std::any_of(oracle_.logs.begin(), oracle_.logs.end(), [&](auto& log) {
    auto left = [&](auto& e) { return e.ends(client_); };
    return log.name == room
        && ((log.over && oracle_.returns[{room, client_}].contains("came"))
            || std::any_of(log.entries.begin(), log.entries.end(), left));
  });
}

const left_off* returned_session::named(const std::string& room) const {
  auto i = std::find_if(claim_.named.begin(), claim_.named.end(),
                        [&](auto& at) { return at.room == room; });
  return i == claim_.named.end() ? nullptr : &*i;
}

} // namespace troupe::model
