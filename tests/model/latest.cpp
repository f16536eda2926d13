#include <utility>

#include "world.hpp"

#include <algorithm>

namespace troupe::model {

/// Whether the client takes all that it is sent, and has nothing under way.
bool world::is_free(client& c) {
  c.look();
  return !c.gone() && c.session().queued_bytes() == 0 && c.session().held_messages() == 0;
}

/// Somebody in that incarnation of a room who is free, but for that client; null: nobody.
client* world::a_free_member(std::size_t log, const client* but) {
  std::vector<client*> some;
  for (auto& c : clients_)
    if (c.get() != but && oracle_.logs[log].inside.contains(c->name()) && is_free(*c))
      some.push_back(c.get());
  return some.empty() ? nullptr : some[draw_.below(some.size())];
}

/// Lets a client take nothing while others say values, and volatile messages, and leave, lose their
/// connections and come back. Then it must get the last value of each session and key, as far as
/// the bound goes, in its place; and it is not cut.
// Pins §4.122, §4.124, §4.125, §4.126, §4.127.
void world::check_latest() {
  if (draining_ || oracle_.values_may_go)
    return;
  std::vector<std::pair<client*, std::size_t>> some;
  for (auto& [name, log] : oracle_.latest)
    for (auto& c : clients_)
      if (c->is_patient() && oracle_.logs[log].inside.contains(c->name()) && is_free(*c))
        some.emplace_back(c.get(), log);
  if (some.empty())
    return;
  auto [reader, log] = some[draw_.below(some.size())];
  auto* first = a_free_member(log, reader);
  if (!first)
    return;
  auto room = oracle_.logs[log].name;
  reader->set_window(0);
  first->publish(room, a_deed({"-"}, 1), false, 0);
  loops_.settle();
  if (reader->session().queued_bytes() == 0 || reader->gone())
    return; // the room has ended
  ++oracle_.seen["stalled"];
  reader->stalls(log);
  auto has_many = draw_.once_in(3);
  for (int i = draw_.number(4, has_many ? 24 : 14); i > 0; --i)
    if (auto* speaker = a_free_member(log, reader))
      act_on_values(*speaker, room, has_many);
  if (draw_.once_in(5))
    reader->leave(room, ++number_, true);
  else if (draw_.once_in(6))
    end_from_outside(room);
  loops_.settle();
  if (reader->look(); reader->gone())
    complain(reader->name() + " was cut for what it need not get");
  reader->goes_on();
  reader->set_window(std::nullopt);
  loops_.settle();
}

/// `has_many`: says values of many keys, and little else.
void world::act_on_values(client& c, const std::string& room, bool has_many) {
  auto what = draw_.number(0, has_many ? 9 : 14);
  auto d = a_deed({what == 9 ? "show" : "-"}, 1);
  d.delivery = what < 9 ? "latest" : what == 10 ? "volatile" : "reliable";
  if (what < 9)
    d.key = has_many ? "k" + std::to_string(draw_.below(12)) : draw_.one_of({"", "a", "b"});
  if (what == 8)
    c.send_binary(room, d, a_ref(), draw_.below(200));
  else if (what == 9)
    c.ask(room, d, a_ref());
  else if (what < 12)
    c.publish(room, d, a_ref(), draw_.below(200));
  else if (what == 12)
    c.leave(room, d.number, true);
  else if (what == 13)
    c.disconnect(true);
  else if (c.lasting() && !c.is_resuming())
    claim(c, true, false); // values of other rooms would count in the bound, too
  settle_sessions();
}

} // namespace troupe::model
