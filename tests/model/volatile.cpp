#include <utility>

#include "world.hpp"

#include <algorithm>

namespace troupe::model {

/// Checks that a client which takes nothing is not cut for what is volatile, however much of it is
/// said, and that it hears all again once it has read.
// Pins §4.122.
void world::check_volatile() {
  auto inside = [&](const client& c) -> const room_log* {
    for (auto& [name, log] : oracle_.latest)
      if (oracle_.logs[log].inside.contains(c.name()))
        return &oracle_.logs[log];
    return nullptr;
  };
  auto reader = std::find_if(clients_.begin(), clients_.end(),
                             [&](auto& c) { return is_free(*c) && inside(*c); });
  if (draining_ || reader == clients_.end())
    return;
  auto room = inside(**reader)->name;
  auto speaker = std::find_if(std::next(reader), clients_.end(), [&](auto& c) {
    return is_free(*c) && oracle_.logs[oracle_.latest[room]].inside.contains(c->name());
  });
  if (speaker == clients_.end())
    return;
  auto say = [&](bool is_volatile) {
    auto d = a_deed({"-"}, 1);
    d.delivery = is_volatile ? "volatile" : "reliable";
    (*speaker)->publish(room, d, false, 100);
    loops_.settle();
  };
  auto& c = **reader;
  c.set_window(0);
  say(false);
  auto waiting = c.session().queued_bytes();
  for (int i = 0; i < 40; ++i)
    say(true);
  c.look();
  if (c.gone() || c.session().queued_bytes() != waiting)
    complain(c.name() + " is behind, and was sent what is volatile");
  ++oracle_.seen["spared"];
  c.set_window(std::nullopt);
  say(true);
}

} // namespace troupe::model
