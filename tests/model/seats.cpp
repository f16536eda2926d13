#include <utility>

#include "lasting.hpp"
#include "witness.hpp"
#include "world.hpp"

#include <algorithm>

namespace troupe::model {

using namespace troupe::actors;
using namespace std::chrono_literals;

// -- what a room does -----------------------------------------------------------------------------

/// A member's connection is lost, and its seat is kept. Others are told if it was its user's last.
void witness::on_drop(room_context& room, const member& m) {
  auto name = client_of(m);
  check_thread();
  if (!log().keeps_seats || !m.away || protocol::is_plain(m.encoding))
    oracle_.complain(name_, "keeps a seat of " + name + ", which has none");
  if (!log().inside.contains(name) || log().away.contains(name))
    oracle_.complain(name_, name + " was lost without being there");
  auto time = m.claims ? keep_seat_ : std::min(keep_seat_, node_.options().sessions.resume_window);
  log().away[name] = node_.loop(node_.loop_of(name_)).now() + time;
  log().entries.push_back({entry::kind::away,
                           "$away",
                           name,
                           {},
                           name,
                           leave_reason::disconnected,
                           false,
                           false,
                           is_away(name)});
  ++oracle_.seen["away"];
  check(room);
  if (auto d = deed_in_profile(m)) {
    oracle_.seen["drop"] += d->what.starts_with("drop/");
    obey(room, *d, "drop/", padding_for(*d, m));
  }
}

/// Whether all connections of that client's user are lost.
bool witness::is_away(const std::string& client) const {
  return oracle_.is_away(oracle_.logs[index_], oracle_.user_of(client));
}

/// A client has come or gone; others are told if its user is back by that, or away.
void witness::note_away(const std::string& client, bool was_away) {
  auto away = is_away(client);
  if (away == was_away)
    return;
  oracle_.seen["back"] += !away;
  log().entries.push_back({away ? entry::kind::away : entry::kind::back,
                           away ? "$away" : "$back",
                           client,
                           {},
                           away ? std::string{} : client,
                           {},
                           false,
                           false});
}

/// A client has come that takes nobody's place.
void witness::check_seat_of(const member& m) {
  auto name = client_of(m);
  auto d = deed_in_profile(m);
  if (log().keeps_seats && m.returning && (!d || d->what != "ask/kick")) // which frees its seat
    oracle_.complain(name_, name + " is back, though its seat is gone");
  auto leaving = replaced_ && replaced_->is_quiet ? 1U : 0U;
  if (log().most_members > 0 && log().inside.size() - leaving >= log().most_members)
    oracle_.complain(name_, "is full, and takes " + name + " in");
  auto is_of_user = [&](auto& seat) {
    return oracle_.user_of(seat.first) == oracle_.user_of(name);
  };
  if (m.claims && !m.automatic && std::any_of(log().away.begin(), log().away.end(), is_of_user))
    oracle_.complain(name_, name + " came, and did not take the seat of its user");
}

/// Whether a client is back by its session: then it has brought its former profile along, if any.
/// Every join has one.
bool witness::is_resumed(const member& m) const {
  auto d = deed_in_profile(m);
  return !m.automatic && m.returning && (!d || is_brought_back(*d, m));
}

/// Its session may take the place of the client that had it before; a join, a seat of its user.
void witness::check_place(const member& now, const member& former) {
  auto name = client_of(now), gone = client_of(former);
  auto was_away = log().away.contains(gone);
  auto claimed = oracle_.claims.find(name);
  oracle_.seen["seat by a join"] += !is_resumed(now);
  if (former.away != was_away || now.away)
    oracle_.complain(name_, "does not know that " + gone + (was_away ? " is away" : " is there"));
  if (oracle_.user_of(name) != oracle_.user_of(gone))
    oracle_.complain(name_, "gives the place of " + gone + " to " + name + ", another user");
  else if (is_resumed(now) && (claimed == oracle_.claims.end() || !claimed->second->had(gone)))
    oracle_.complain(name_, "gives the place of " + gone + " to " + name + ", another session");
  else if (!is_resumed(now) && (!was_away || !now.claims || now.automatic))
    oracle_.complain(name_, "gives the place of " + gone + " to " + name + ", which only joins");
}

/// A member has left since its connection is lost, or its seat has ended.
void witness::check_loss(const member& m, bool was_away, steady_time until) {
  auto name = client_of(m);
  oracle_.seen["seat is over"] += was_away;
  if (m.away != was_away)
    oracle_.complain(name_, "does not know that " + name + (was_away ? " is away" : " is there"));
  if (!log().keeps_seats || protocol::is_plain(m.encoding) || oracle_.is_stopping
      || oracle_.contested.contains(name))
    return;
  if (!was_away)
    oracle_.complain(name_, "keeps no seat of " + name + ", which has lost its connection");
  else if (node_.loop(node_.loop_of(name_)).now() < until)
    oracle_.complain(name_, "ends the seat of " + name + " too early");
}

// -- what must be so at the end -------------------------------------------------------------------

/// Checks that no seat is kept for longer than it should. Timers are late by a tick at most.
void world::check_seats() {
  for (auto& log : oracle_.logs)
    for (auto& [client, until] : log.away)
      if (!log.over && until + 20ms < clock_.now())
        complain(log.name + " keeps the seat of " + client + " for too long");
}

/// Checks that the small room takes somebody in exactly if it has a place, seats included. Pins
/// §10.33.
void world::check_capacity() {
  auto booth = oracle_.latest.find("booth");
  if (draining_ || booth == oracle_.latest.end() || oracle_.logs[booth->second].over)
    return;
  auto& log = oracle_.logs[booth->second];
  auto is_full = log.inside.size() >= log.most_members;
  oracle_.seen["full of seats"] += is_full && !log.away.empty();
  connect_as(protocol::encoding::v1_json, "guest");
  auto& guest = *clients_.back();
  guest.join("booth", a_deed({"-"}, 1), true);
  loops_.settle();
  guest.look();
  if (!guest.gone() && (guest.all_said().back().code == "room_full") != is_full)
    complain(is_full ? "the booth is full, and does not say so" : "the booth is called full");
}

} // namespace troupe::model
