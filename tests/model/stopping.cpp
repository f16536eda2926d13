#include <utility>

#include "world.hpp"

namespace troupe::model {

/// Stops the node while clients go on. Rooms must see each of their members leave before
/// connections end.
void world::stop() {
  std::set<std::string> present;
  for (auto& c : clients_) {
    c->look();
    if (!c->gone())
      present.insert(c->name());
  }
  std::vector<std::size_t> before;
  for (auto& log : oracle_.logs)
    before.push_back(log.entries.size());
  oracle_.told_to_end.insert(names_.begin(), names_.end());
  node_.request_stop();
  stopped_ = oracle_.is_stopping = true;
  for (auto& c : clients_)
    if (c->lasting())
      c->lasting()->may_end();
  // who is closed meanwhile for a reason of its own leaves at once, and may not read the close
  // frame
  auto forget_closed = [&] {
    for (auto& c : clients_)
      if (!c->session().heeded() && !c->session().ended())
        present.erase(c->name());
  };
  forget_closed();
  for (int i = draw_.number(0, 40); i > 0; --i) {
    act_on();
    for (int turns = draw_.number(0, 6); turns > 0; --turns) {
      loops_.step();
      forget_closed();
    }
  }
  for (bool busy = true; busy;) {
    busy = false;
    for (unsigned i = 0; i < node_.loops(); ++i) {
      busy |= node_.loop(i).run_turn();
      forget_closed();
    }
  }
  look();
  check_stopped(present, before);
  ++tally_.stopped;
}

/// Lets a client act as if it did not know that the node stops.
void world::act_on() {
  auto* c = someone();
  if (!c || c->gone())
    return;
  switch (draw_.number(0, 9)) {
    case 0: return c->leave(a_room_or_default(), ++number_, a_ref());
    case 1: return do_else(*c);
    case 2: return stall(*c);
    case 3:
    case 4:
    case 5: return join(*c);
    default: return say(*c);
  }
}

/// Checks the end of the node. `present`: the clients connected when it was told to stop, and not
/// closed before its end for another reason. `before`: how many entries each log had then.
void world::check_stopped(const std::set<std::string>& present,
                          const std::vector<std::size_t>& before) {
  for (unsigned i = 0; i < node_.loops(); ++i)
    if (node_.loop(i).pinned_actors() > 0)
      complain("loop " + std::to_string(i) + " has actors left after the stop");
  std::set<std::string> cut;
  for (auto& c : clients_) {
    if (c->close_code() != 0)
      cut.insert(c->name());
    if (!c->session().ended())
      complain(c->name() + " was not ended by the stop");
  }
  for (std::size_t i = 0; i < oracle_.logs.size(); ++i) {
    auto& log = oracle_.logs[i];
    for (auto at = i < before.size() ? before[i] : 0; at < log.entries.size(); ++at) {
      auto& e = log.entries[at];
      if (e.ends(e.client) && e.reason == actors::leave_reason::disconnected
          && present.contains(e.client) && !cut.contains(e.client))
        complain(log.name + " lost " + e.client + " before it ended");
    }
  }
  for (auto& o : observers_) {
    o->look(~std::size_t{0});
    if (!o->has_ended())
      complain("an observer was never told that the node stops");
  }
}

} // namespace troupe::model
