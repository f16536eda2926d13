#include <utility>

#include "world.hpp"

#include <algorithm>

namespace troupe::model {

/// Says something under an id that was used before, as a message or as bytes.
void world::repeat(client& c, const std::string& id, const std::string& room) {
  auto d = a_deed({"refuse", "swallow"}, 8);
  d.id = id;
  if (draw_.once_in(3))
    c.send_binary(room, d, a_ref(), 0);
  else
    c.publish(room, d, a_ref(), 0);
}

/// Repeats something that was said by this connection, or by a former one of the session that it
/// has or wants: preferably what was not answered. Returns whether there is such a thing.
bool world::say_again(client& c) {
  std::vector<const command*> answered, open;
  auto add = [&](const client& of) {
    for (auto& said : of.all_said())
      if (!said.id.empty() && (said.room || &of == &c))
        (said.answer.empty() ? open : answered).push_back(&said);
  };
  add(c);
  if (auto* session = c.wanted() ? c.wanted().get() : c.lasting().get())
    for (auto* had : session->holders())
      if (had != &c)
        add(*had);
  auto& some = answered.empty() || (!open.empty() && draw_.once_in(2)) ? open : answered;
  if (some.empty())
    return false;
  auto& said = *some[draw_.below(some.size())];
  repeat(c, said.id, said.room.value_or(""));
  return true;
}

/// Checks that a room knows the last ids of a session again, and not more of them.
void world::check_ids() {
  if (draining_ || !draw_.once_in(4))
    return;
  for (auto& [room, log] : oracle_.latest)
    for (auto& c : clients_) {
      c->look();
      auto is_free =
        !c->gone() && c->session().queued_bytes() == 0 && c->session().held_messages() == 0;
      if (!is_free || !oracle_.logs[log].inside.contains(c->name()))
        continue;
      auto say = [&](const std::string& id) {
        auto d = a_deed({"-"}, 1);
        d.id = id;
        c->publish(room, d, true, 0);
        loops_.settle();
        return d.number;
      };
      for (std::size_t i = 0; i <= known_ids::most; ++i)
        say("s" + c->name() + "-" + std::to_string(i));
      auto again = say("s" + c->name() + "-1"), anew = say("s" + c->name() + "-0");
      oracle_.seen["forgotten"] += oracle_.fate_of(anew) != nullptr;
      if (!c->gone() && oracle_.fate_of(again))
        complain(room + " does not know an id of " + c->name() + " again");
      return;
    }
}

} // namespace troupe::model
