#include <utility>

#include "world.hpp"

#include <algorithm>

namespace troupe::model {

using namespace std::chrono_literals;
using protocol::encoding;
using string_state = lasting_session::string_state;

/// A client whose session may be taken up; null: none is drawn.
client* world::one_with_session() {
  std::vector<client*> some;
  auto is_gone = draw_.once_in(2);
  for (auto& c : clients_)
    if (c->lasting() && c->gone() == is_gone && !c->is_resuming())
      some.push_back(c.get());
  return some.empty() ? nullptr : some[draw_.below(some.size())];
}

/// Lets a new connection take a session up: of a client that is lost, or of one that is still
/// there, which may have said something just before.
void world::resume() {
  auto* from = one_with_session();
  if (!from || draining_ || clients_.size() >= 30 + crowd_)
    return connect();
  if (!from->gone() && draw_.once_in(4))
    join(*from);
  auto settles = draw_.once_in(3);
  if (settles)
    settle_sessions();
  claim(*from, settles);
  if (draw_.once_in(4)) { // another one wants it, too
    ++oracle_.seen["two at once"];
    claim(*from, false);
  }
  if (draw_.once_in(4)) {
    for (int turns = draw_.number(0, 5); turns > 0; --turns)
      loops_.step();
    if (!clients_.back()->gone())
      clients_.back()->disconnect(false);
  }
}

/// `may_say_along`: it may say something without waiting for the answer, in any room.
void world::claim(client& from, bool is_settled, bool may_say_along) {
  resume_claim c;
  c.named = some_positions(from); // looks, too
  c.session = from.lasting();
  c.text = a_string(*c.session);
  if (!draw_.once_in(5))
    c.directs = draw_.once_in(5) ? 0 : c.session->directs().last();
  auto& session = *c.session;
  connect_as(draw_.one_of({encoding::v1_json, encoding::v1_msgpack}),
             draw_.once_in(12) ? std::string{} : session.user());
  auto& by = *clients_.back();
  c.is_its_user = by.user_id() == session.user();
  c.is_void = session.state_of(c.text) == string_state::gone;
  session.holder().describe(c, ++number_);
  c.holder = session.holder().name();
  for (auto& [room, seat] : c.held)
    seat.is_confirmed |= is_settled;
  if (c.is_its_user && !c.is_void) {
    oracle_.seen["taken over"] += !session.holder().gone();
    oracle_.seen["former string"] += c.text != session.holder().resume_string();
    session.claim(by, c.text);
    oracle_.claims[by.name()] = c.session;
    for (auto& name : session.names())
      oracle_.contested.insert(name);
    if (!is_settled) {
      for (auto* had : session.holders())
        had->claimed_early();
      session.claimed_together();
    }
  }
  by.resume(std::make_shared<resume_claim>(std::move(c)), number_);
  if (may_say_along && draw_.once_in(2))
    say_along(by);
}

/// Lets a client say something right behind its `resume`, without waiting for the answer.
void world::say_along(client& c) {
  for (int i = draw_.number(1, 4); i > 0; --i) {
    ++oracle_.seen["along"];
    switch (draw_.number(0, 7)) {
      case 0: join(c); break;
      case 1: c.leave(a_room_or_default(), ++number_, a_ref()); break;
      case 2: do_else(c); break;
      case 3: say_again(c); break;
      default: say(c);
    }
  }
}

/// Mostly a good string of the session, sometimes a used one or one with another secret.
std::string world::a_string(const lasting_session& of) {
  auto all = of.strings();
  auto good = static_cast<std::size_t>(std::count_if(
    all.begin(), all.end(), [&](auto& s) { return of.state_of(s) == string_state::good; }));
  auto text = all[draw_.below(good > 0 && !draw_.once_in(4) ? good : all.size())];
  if (draw_.once_in(12)) {
    constexpr std::size_t in_secret = 30;
    text[in_secret] = text[in_secret] == 'x' ? 'y' : 'x';
  }
  return text;
}

/// Where the client left off, or began; sometimes without a room, or with one where it was not.
std::vector<left_off> world::some_positions(client& from) {
  auto all = from.positions();
  std::erase_if(all, [&](auto&) { return draw_.once_in(8); });
  for (auto& at : all)
    if (draw_.once_in(5)) {
      at.next = at.first;
      at.seq = at.first_seq;
    }
  auto other = draw_.once_in(2) ? a_room() : std::string{"nowhere"};
  if (draw_.once_in(4)
      && std::none_of(all.begin(), all.end(), [&](auto& at) { return at.room == other; })) {
    left_off at;
    at.room = other;
    at.epoch = "e";
    at.seq = 1;
    all.push_back(std::move(at));
  }
  return all;
}

/// Lets all that is under way arrive: then claims of those who are gone have had their effect.
void world::settle_sessions() {
  loops_.settle();
  look();
  for (auto& c : clients_)
    if (c->lasting())
      c->lasting()->settle();
}

// -- the end --------------------------------------------------------------------------------------

/// Takes some sessions up while nothing else is under way.
void world::take_up_again() {
  settle_sessions();
  for (int i = draw_.number(0, 6); i > 0; --i)
    if (auto* from = one_with_session()) {
      claim(*from, true);
      settle_sessions();
    }
}

/// Checks that each session has one client at most.
void world::check_sessions() {
  std::map<const lasting_session*, std::size_t> clients;
  for (auto& c : clients_)
    if (c->lasting() && !c->gone() && ++clients[c->lasting().get()] > 1)
      complain(c->name() + " is there, and another client of its session, too");
}

/// Lets the time pass for which sessions are kept, and checks that they are gone.
void world::check_expired() {
  auto kept = node_.stats().kept_sessions;
  tally_.seen["kept"] += kept > 0;
  if (kept > clients_.size() || (stopped_ && kept > 0))
    complain(std::to_string(kept) + " sessions are kept");
  clock_.advance(node_.options().sessions.resume_window + 1s);
  loops_.settle();
  if (node_.stats().kept_sessions > 0)
    complain(std::to_string(node_.stats().kept_sessions) + " sessions are kept for too long");
  if (draining_ || stopped_)
    return;
  for (auto& c : clients_)
    if (c->lasting())
      c->lasting()->expired();
  if (auto* from = clients_.empty() ? nullptr : clients_[draw_.below(clients_.size())].get();
      from && from->lasting() && !from->is_resuming()) {
    claim(*from, true);
    settle_sessions();
    if (!clients_.back()->gone() && clients_.back()->is_resuming())
      complain("does not answer a late resume");
    clients_.back()->session().disconnect();
    loops_.settle();
  }
}

} // namespace troupe::model
