#include <utility>

#include "world.hpp"

namespace troupe::model {

using protocol::encoding;

// -- what is drawn --------------------------------------------------------------------------------

client* world::someone() {
  return clients_.empty() ? nullptr : clients_[draw_.below(clients_.size())].get();
}
std::string world::a_room() { return names_[draw_.below(names_.size())]; }
std::string world::a_room_or_default() { return draw_.once_in(4) ? std::string{} : a_room(); }
std::string world::a_client() { return someone()->name(); }

/// Draws a deed: one time in `once_in` one of `some`, else a plain command.
deed world::a_deed(std::initializer_list<const char*> some, int once_in) {
  deed d;
  d.number = ++number_;
  if (draw_.once_in(once_in))
    d.what = draw_.one_of(some);
  d.whom = a_client();
  d.echo = !draw_.once_in(4);
  return d;
}

// -- what happens ---------------------------------------------------------------------------------

void world::act() {
  auto* c = someone();
  auto what = draw_.number(0, 99);
  if (!c || what < 6)
    return draw_.once_in(3) ? come_back() : draw_.once_in(2) ? resume() : connect();
  if (what < 10)
    return void(act_outside(a_room(), draw_.below(100)));
  if (what < 11)
    return draw_.once_in(5) ? end_from_outside(a_room()) : observe();
  if (raw_ && what < 15)
    return act_raw();
  if (what < 12)
    return clock_.advance(std::chrono::milliseconds{draw_.number(1, 500)});
  if (c->gone())
    return c->session().disconnect();
  if (c->is_resuming() && draw_.once_in(3))
    return draw_.once_in(4) ? c->disconnect(false) : stall(*c);
  if (what < 28)
    return join(*c);
  if (what < 34)
    return c->leave(a_room_or_default(), ++number_, a_ref());
  if (what < 80)
    return say(*c);
  if (what < 86)
    return do_else(*c);
  if (what < 99)
    return stall(*c);
  c->disconnect(!draining_);
}

void world::connect() {
  if (clients_.size() < 12 + crowd_ && !draining_)
    connect_as(draw_.one_of(
      {encoding::v1_json, encoding::v1_json, encoding::v1_msgpack, encoding::plain_json}));
}

/// `user`: empty for a new one, or that of another client.
void world::connect_as(encoding e, const std::string& user) {
  client::options o;
  o.encoding = e;
  o.name = "u" + std::to_string(clients_.size());
  o.user_id = !user.empty()                         ? user
            : !clients_.empty() && draw_.once_in(3) ? someone()->user_id()
                                                    : o.name;
  o.lobby = lobby_;
  o.one_room = one_room_;
  if (draw_.once_in(3))
    o.bounds = client::patient;
  auto loop = static_cast<unsigned>(draw_.below(node_.loops()));
  if (protocol::is_plain(o.encoding))
    clients_.push_back(std::make_unique<plain_client>(oracle_, node_, loop, std::move(o)));
  else
    clients_.push_back(std::make_unique<v1_client>(oracle_, node_, loop, std::move(o)));
}

/// Lets a new connection follow one that is gone: it comes back to the rooms where that was.
void world::come_back() {
  for (auto& gone : clients_) {
    auto rooms =
      clients_.size() < 24 + crowd_ && !draining_ ? gone->take_left_off() : std::vector<left_off>{};
    if (rooms.empty())
      continue;
    connect_as(draw_.one_of({encoding::v1_json, encoding::v1_msgpack}));
    for (auto& room : rooms)
      clients_.back()->come_back(room, a_deed({"ask/refuse", "enter/tell", "enter/kick"}, 8));
    return;
  }
  connect();
}

/// Connects a crowd to one room; most of it only listens.
void world::gather() {
  while (clients_.size() < crowd_) {
    connect();
    clients_.back()->join("room1", a_deed({"-"}, 1), false);
    loops_.step();
  }
}

/// Clients in one room at a time often leave it first, and new claims may come while a join is
/// pending. A refusal for missing rights may overtake what a room has said, so joins have a `ref`
/// then.
void world::join(client& c) {
  if ((one_room_ || c.is_plain()) && draw_.once_in(3))
    c.leave({}, ++number_, a_ref());
  auto d = a_deed({"ask/refuse",  "ask/refuse",   "ask/kick",    "enter/kick", "enter/kick",
                   "enter/tell",  "enter/secret", "exit/kick",   "exit/tell",  "exit/secret",
                   "ask/boom",    "ask/instead",  "ask/instead", "ask/slip",   "enter/slip",
                   "drop/slip",   "ask/end",      "drop/tell",   "drop/kick",  "drop/kick",
                   "drop/boom",   "enter/boom",   "enter/end",   "exit/boom",  "exit/end",
                   "enter/query", "enter/query",  "drop/query",  "exit/query"},
                  3);
  c.join(a_room(), d, a_ref() || rights_ || c.has_few_rights());
  if (rights_ && draw_.once_in(3))
    authenticate(c);
  else if (draw_.once_in(60))
    break_off(c);
}

/// Half of these clients wait for the close frame.
void world::break_off(client& c) {
  oracle_.contested.insert(c.name());
  c.break_off();
  if (draw_.once_in(2))
    c.disconnect(false);
}

/// Some messages are for this moment only, and of those some are the latest of something.
void world::draw_delivery(deed& d) {
  d.delivery = draw_.one_of({"reliable", "reliable", "reliable", "volatile", "latest"});
  if (d.delivery == "latest")
    d.key = draw_.one_of({"", "a", "b"});
}

void world::say(client& c) {
  if ((draw_.once_in(8) && say_again(c)) || (draw_.once_in(5) && reply(c)))
    return;
  auto padding = draw_.below(60);
  auto d =
    a_deed({"swallow", "refuse", "refuse/say", "kick", "kick", "tell", "hint", "blink", "show",
            "show", "query", "query", "query", "secret", "modern", "end", "boom", "slip"},
           6);
  if (d.what == "query" && draw_.once_in(2))
    d.whom = c.name();
  auto is_binary = draw_.once_in(5);
  if (!is_binary && draw_.once_in(8))
    return c.ask(a_room_or_default(), d, a_ref());
  if (!is_binary && draw_.once_in(8))
    return c.change_profile(a_room_or_default(), d, a_ref());
  draw_delivery(d);
  if (draw_.once_in(3))
    d.id = (draw_.once_in(2) ? "i" : "s") + std::to_string(d.number);
  auto room = a_room_or_default();
  if (is_binary)
    c.send_binary(room, d, a_ref(), padding);
  else
    c.publish(room, d, a_ref(), padding);
  if (!d.id.empty() && draw_.once_in(6)) // the first one may still wait
    repeat(c, d.id, room);
}

/// Commands that change nothing in a room.
void world::do_else(client& c) {
  switch (draw_.number(0, 4)) {
    case 0: return c.ping(++number_, a_ref());
    case 1: return authenticate(c);
    case 2: return c.history(a_room_or_default(), ++number_, a_ref());
    case 4: return c.list(a_room_or_default(), ++number_, a_ref());
    default: return c.direct(someone()->user_id(), ++number_, a_ref());
  }
}

void world::authenticate(client& c) {
  std::vector<std::string> rooms;
  for (int n = draw_.once_in(2) ? draw_.number(1, 2) : 0; n > 0; --n)
    rooms.push_back(a_room());
  auto user = draw_.one_of<std::string>({"bad", someone()->user_id(), c.user_id(), c.user_id()});
  c.authenticate(user, rooms, ++number_, a_ref());
}

void world::stall(client& c) {
  if (draw_.once_in(2))
    c.set_window(draw_.below(900));
  else
    c.set_window(std::nullopt);
}

/// Publishes from outside. Returns whether that was accepted.
bool world::act_outside(const std::string& room, std::size_t padding) {
  auto n = ++number_;
  oracle_.outside[n] = {room};
  return node_.room(room).publish("outside", {{"n", n}, {"padding", std::string(padding, 'x')}})
      == actors::publish_result::accepted;
}

void world::end_from_outside(const std::string& room) {
  oracle_.told_to_end.insert(room);
  if (node_.room(room).end() != actors::publish_result::accepted)
    complain("does not take the end of a room");
}

void world::observe() {
  if (!observers_.empty() && draw_.once_in(3))
    return observers_[draw_.below(observers_.size())]->leave();
  if (observers_.size() >= 4)
    return;
  auto policy = draw_.one_of({actors::behind_policy::drop, actors::behind_policy::remove});
  observers_.push_back(std::make_unique<observer>(
    oracle_, system_, node_, a_room(), actors::observer_options{draw_.number(3, 60), policy}));
}

void world::act_raw() {
  if (raw_clients_.size() < 4 && !draining_ && draw_.once_in(4)) {
    auto loop = static_cast<unsigned>(draw_.below(node_.loops()));
    auto user = "raw" + std::to_string(raw_clients_.size());
    raw_clients_.push_back(std::make_unique<raw_client>(oracle_, node_, loop, raw_endpoint_, user));
  }
  if (raw_clients_.empty())
    return;
  auto& c = *raw_clients_[draw_.below(raw_clients_.size())];
  switch (draw_.number(0, 20)) {
    case 0: return c.session().disconnect();
    case 1: return c.session().set_window(draw_.below(300));
    case 2: return c.session().set_window(std::nullopt);
    case 3: return c.say(++number_, draw_.one_of({"close", "boom"}));
    default: return c.say(++number_, draw_.one_of({"all", "others"}));
  }
}

void world::drain() {
  draining_ = oracle_.is_stopping = true;
  for (auto& c : clients_)
    if (c->lasting())
      c->lasting()->may_end();
  node_.drain(draw_.one_of({actors::drain_kind::restart, actors::drain_kind::shutdown}),
              std::chrono::milliseconds{draw_.number(0, 300)});
}

} // namespace troupe::model
