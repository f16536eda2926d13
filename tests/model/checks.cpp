#include <utility>

#include "world.hpp"

#include <algorithm>
#include <numeric>

namespace troupe::model {

using namespace std::chrono_literals;

void world::look() {
  for (auto& c : clients_)
    c->look();
  for (auto& c : raw_clients_)
    c->look();
  for (auto& o : observers_) {
    o->look(draw_.below(20));
    if (draw_.once_in(4))
      o->let_go();
  }
}

/// Lets the observers hear what has come, and gives their credit back.
void world::let_observers_go() {
  for (auto& o : observers_) {
    o->look(~std::size_t{0});
    o->let_go();
  }
}

/// Lets everything that is under way arrive, and then checks everything that must hold.
void world::calm() {
  for (auto& c : clients_)
    c->set_window(std::nullopt);
  for (auto& c : raw_clients_)
    c->session().set_window(std::nullopt);
  loops_.settle();
  if (draining_)
    check_drained();
  else
    gather_again();
  if (!draining_)
    take_up_again();
  check_sessions();
  let_observers_go();
  check_outside_bound();
  check_credit();
  check_volatile();
  check_latest();
  check_asking();
  check_ids();
  check_capacity();
  let_observers_go();
  tell_changes();
  for (auto& name : names_) // an actor that is behind is told its gap when the room next speaks
    if (act_outside(name, 0))
      oracle_.last_words[name] = number_;
  loops_.settle();
  tell_changes();
  check_requests(false);
  for (auto& c : clients_)
    if (c->session().unread() > 0 && c->session().heeded())
      complain(c->name() + "'s credits never came back");
  if (node_.stats().rooms != oracle_.alive_behaviors)
    complain(std::to_string(node_.stats().rooms) + " rooms, "
             + std::to_string(oracle_.alive_behaviors) + " behaviours");
  for (auto& c : clients_)
    c->settle();
  for (auto& c : raw_clients_)
    c->settle();
  for (auto& o : observers_)
    o->settle();
}

/// Lets two seconds pass in which nobody comes or goes: then rooms have told what they have
/// gathered. Who is cut meanwhile is a change, and so is a seat that ends.
void world::tell_changes() {
  auto changes = [this] {
    return std::accumulate(oracle_.logs.begin(), oracle_.logs.end(), std::size_t{0},
                           [](auto n, auto& log) { return n + log.entries.size(); });
  };
  for (int quiet = 0; quiet < 2;) {
    auto before = changes();
    clock_.advance(1010ms);
    loops_.settle();
    quiet = changes() == before ? quiet + 1 : 0;
  }
  check_seats();
  let_observers_go();
}

/// Brings the crowd back, since a room that ends loses it.
void world::gather_again() {
  if (crowd_ == 0)
    return;
  for (auto& c : clients_)
    if (!c->gone())
      c->join("room1", a_deed({"-"}, 1), false);
  loops_.settle();
}

/// Checks that all clients which had not gone before were told goodbye and closed.
void world::check_drained() {
  for (int i = 0; i < 20; ++i) { // the drain closes clients in batches
    clock_.advance(50ms);
    loops_.settle();
  }
  for (auto& c : clients_) {
    c->look();
    auto code = c->close_code();
    if (c->session().ended() || code == 1013 || code == 1003 || code == 1008)
      continue;
    if (code != 1012 && code != 1001)
      complain(c->name() + " was not closed by the drain");
    if (!c->is_plain() && !c->was_told_goodbye())
      complain(c->name() + " was not told goodbye");
  }
  for (auto& c : raw_clients_) {
    c->look();
    if (!c->gone())
      complain(c->user_id() + " was not closed by the drain");
  }
}

/// Checks that what is on its way from outside is bounded, and that more is accepted once it has
/// arrived.
void world::check_outside_bound() {
  constexpr std::size_t size = 200;
  auto bound = static_cast<std::size_t>(node_.options().rooms.max_pending_bytes);
  if (bound > 10'000)
    return;
  std::size_t accepted = 0;
  while (accepted <= bound && act_outside("room1", size))
    accepted += size;
  if (accepted > bound || accepted == 0)
    complain("took " + std::to_string(accepted) + " bytes from outside at once");
  loops_.settle();
  if (!act_outside("room1", size))
    complain("takes nothing from outside any more");
  loops_.settle();
}

/// Checks that a message which is delivered in slices over several turns gives its credit back once
/// the members of each encoding have got the first slice.
void world::check_credit() {
  auto room = oracle_.latest.find("room1");
  if (crowd_ == 0 || room == oracle_.latest.end())
    return;
  auto& inside = oracle_.logs[room->second].inside;
  auto speaker = std::find_if(clients_.begin(), clients_.end(), [&](auto& c) {
    return !c->gone() && c->session().held_messages() == 0 && inside.contains(c->name());
  });
  if (speaker == clients_.end())
    return;
  tally_.given_in_slices += inside.size() > 128;
  (*speaker)->publish("room1", a_deed({"-"}, 1), false, 0);
  auto heard = [&] { // by the members of each encoding, which are served together
    std::map<protocol::encoding, std::size_t> all;
    for (auto& c : clients_)
      if (c->look(); !c->gone() && inside.contains(c->name()))
        all[c->encoding()] += c->received();
    return all;
  };
  auto have_begun = [before = heard(), &heard] {
    auto now = heard();
    return std::all_of(before.begin(), before.end(),
                       [&](auto& e) { return now[e.first] > e.second; });
  };
  while (!have_begun() && node_.loop(0).run_turn()) {}
  if (have_begun() && (*speaker)->session().held_messages() > 0)
    complain("credit is held while a message is given out");
  loops_.settle();
}

void world::count() {
  for (auto& c : clients_) {
    tally_.received += c->received();
    tally_.said += c->said();
    tally_.cut += c->close_code() == 1013;
  }
  for (auto& [number, f] : oracle_.fates) {
    tally_.acted += f.what == fate::kind::said || f.what == fate::kind::done;
    tally_.refused += f.what == fate::kind::refused;
    tally_.crashed += f.what == fate::kind::crashed;
    tally_.kicked += f.what == fate::kind::thrown_out;
  }
  tally_.seen = oracle_.seen;
  tally_.seen["skipped"] = node_.stats().skipped;
  tally_.seen["lobby"] = !lobby_.empty();
  tally_.seen["one room"] = one_room_;
  ++tally_.seen["loops " + std::to_string(node_.loops())];
  for (auto& log : oracle_.logs)
    tally_.ended += log.told_to_end;
  for (auto& [number, e] : oracle_.outside)
    tally_.outside += e.place.has_value();
  tally_.observed += observers_.size();
  tally_.drained += draining_;
}

/// Disconnects everybody. Only what has to stay may be left.
void world::leave() {
  for (auto& c : clients_)
    c->session().disconnect();
  for (auto& c : raw_clients_)
    c->session().disconnect();
  for (auto& o : observers_)
    if (draw_.once_in(2))
      o->leave();
  observers_.clear();
  loops_.settle();
  check_expired();
  clock_.advance(longest_seat + 100ms); // of the last one that has come
  loops_.settle();
  check_seats();
  clock_.advance(1s); // rooms that linger end
  loops_.settle();
  check_requests(true);
  auto kept =
    static_cast<std::size_t>(std::count_if(oracle_.logs.begin(), oracle_.logs.end(), [](auto& log) {
      return log.name == "hall" && !log.over;
    }));
  auto s = node_.stats();
  if (s.rooms != kept || s.members != 0 || s.connections != 0 || oracle_.alive_behaviors != kept)
    complain("left over: " + std::to_string(s.rooms) + " rooms, " + std::to_string(s.members)
             + " members, " + std::to_string(s.connections) + " connections, "
             + std::to_string(oracle_.alive_behaviors) + " behaviours");
  for (auto& c : clients_)
    if (c->session().held_messages() != 0)
      complain(c->name() + " lacks credit");
  for (auto& c : raw_clients_)
    if (c->session().held_messages() != 0)
      complain(c->user_id() + " lacks credit");
  raw_clients_.clear();
  clients_.clear();
  if (kept == 0 && node_.stats().output_bytes != 0)
    complain("output buffers have leaked: " + std::to_string(node_.stats().output_bytes));
}

} // namespace troupe::model
