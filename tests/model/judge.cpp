#include <utility>

#include "judge.hpp"

#include <algorithm>

namespace troupe::model {

void judge::walk(const std::deque<command>& all) {
  // A token takes effect at once, even before commands that wait.
  narrowed_ = std::any_of(all.begin(), all.end(), [](auto& c) {
    return c.what == command::kind::auth && c.answer != "error";
  });
  has_resumed_ = std::any_of(all.begin(), all.end(), [](auto& c) { return c.answer == "resumed"; });
  for (auto& c : all) {
    if (c.answer.empty() && c.ref && ending_ == ending::none)
      complain(c, "was never answered");
    switch (c.what) {
      case command::kind::join: join(c); break;
      case command::kind::leave: leave(c); break;
      case command::kind::resume: resume(c); break;
      case command::kind::say: say(c); break;
      case command::kind::ping:
        if (c.answer.empty() && ending_ == ending::none)
          complain(c, "was never answered");
        break;
      default: break;
    }
  }
}

// -- coming and going -----------------------------------------------------------------------------

void judge::join(const command& c) {
  auto* f = oracle_.fate_of(c.number);
  if (c.number == 0 && has_resumed_) // its lobby: it may have been gone before it was told
    return;
  if (c.answer.empty() && ending_ == ending::none && !c.ref && !c.stay)
    complain(c, "was never answered");
  if (c.answer.empty() && !c.stay) {
    unclear_ |= ending_ != ending::none;
    return;
  }
  if (c.answer == "error") {
    auto by_room = f && f->what != fate::kind::let_in;
    auto is_full = c.code == "room_full" && c.room == "booth"; // which is asked all the same
    auto code = !by_room                       ? ""
              : f->what == fate::kind::refused ? "forbidden"
              : f->what == fate::kind::slipped ? "internal"
                                               : "room_closed";
    if (f && f->what == fate::kind::let_in && !is_full)
      complain(c, "was let in and told " + c.code);
    else if (by_room && c.code != code)
      complain(c, "was refused by " + c.code);
    else if (c.code == "room_full" && c.room != "booth")
      complain(c, "found a room full that has no limit");
    else if (!by_room && c.code == "forbidden" && !narrowed_)
      complain(c, "was told forbidden, which the room did not say");
    return;
  }
  if (!c.stay && ending_ == ending::none)
    return complain(c, "was told joined and not let in");
  if (!c.stay) // it ended before it was told its log
    return void(unclear_ = true);
  auto again =
    std::any_of(places_.begin(), places_.end(), [&](auto& p) { return p.stay == *c.stay; });
  if (!again && !unclear_ && c.number > 0 && (!f || f->what != fate::kind::let_in))
    complain(c, "was told joined, but the room did not say so");
  if (one_room_)
    places_.clear();
  forget(*c.room);
  places_.push_back({*c.room, *c.stay});
}

/// It is in the rooms of the session now, and in no other.
void judge::resume(const command& c) {
  unclear_ |= c.answer.empty() && ending_ != ending::none;
  if (c.answer != "resumed")
    return;
  places_.clear();
  for (auto& [room, stay] : c.rooms) {
    if (!stay) // it ended before it was told its log
      return void(unclear_ = true);
    places_.push_back({room, *stay});
  }
}

void judge::leave(const command& c) {
  auto from = where(c);
  // The command may have gone to a room whose end the client had not heard of yet.
  auto is_dead = std::any_of(places_.begin(), places_.end(), [](auto& p) { return p.lost; });
  unclear_ |= !c.room && (c.code == "room_closed" || (is_dead && c.answer.empty()));
  if (unclear_)
    return;
  if (from.empty()) {
    if (c.answer == "left" || c.answer == "ack")
      complain(c, "left a room that it did not hold");
    return;
  }
  auto* left = from.front();
  if (!is_sure(*left) && (c.answer == "left" || c.answer == "ack")) {
    auto named =
      std::find_if(from.begin(), from.end(), [&](auto* p) { return p->room == c.answered_by; });
    left = named == from.end() ? left : *named;
  } else if (!is_sure(*left) && from.size() > 1) {
    unclear_ = true; // the command may have gone to an ended room, or to the one before
    return;
  }
  auto how = stays_[left->stay].how();
  if (how == stay::end::none && ending_ == ending::none)
    complain(c, "had no effect");
  if (how == stay::end::left && c.ref && c.answer == "error")
    complain(c, "was refused by " + c.code + ", and left all the same");
  forget(left->room);
}

// -- saying ---------------------------------------------------------------------------------------

void judge::say(const command& c) {
  auto* f = oracle_.fate_of(c.number);
  check_answer(c, f);
  if (unclear_)
    return;
  auto to = where(c);
  // Nobody waits for it: see `client::check_refused_reply`. Without `ref` a refusal may be that of
  // another one.
  if (!f && c.type == "$reply" && (c.code == "timed_out" || !c.ref || c.answer.empty()))
    return;
  if (!f) {
    if (std::any_of(to.begin(), to.end(), [&](auto* p) { return is_repeat(c, *p); }))
      return;
    // Several may be under way to a room that has thrown it out, which answers them.
    auto later = to.empty() ? places_.begin() : places_.begin() + (to.front() - places_.data()) + 1;
    if (!c.room && std::any_of(later, places_.end(), [&](auto& p) {
          return p.lost && (!c.ref || p.room == c.answered_by);
        }))
      return;
    if (!to.empty() && is_sure(*to.front()))
      complain(c, "was said in " + to.front()->room + ", and nobody heard it");
    // Only `not_joined` shows that its connection knows: until it hears that a room has ended, it
    // sends later commands to it, too.
    if (to.size() == 1 && c.code == "not_joined")
      to.front()->lost = true;
    return;
  }
  auto i =
    std::find_if(to.begin(), to.end(), [&](auto* p) { return stays_[p->stay].log() == f->log; });
  if (i == to.end())
    return complain(c, "was heard in " + oracle_.logs[f->log].name + " (log "
                         + std::to_string(f->log) + "), which it does not hold");
  std::for_each(to.begin(), i, [](auto* p) { p->lost = true; });
}

/// Checks that what was acked was done, and that what was refused was not.
void judge::check_answer(const command& c, const fate* f) {
  using kind = fate::kind;
  auto done = f && (f->what == kind::said || f->what == kind::swallowed || f->what == kind::done);
  if (c.answer == "ack" && !c.is_duplicate && !done)
    complain(c, "was acked and not done");
  if (c.answer != "error" || !c.ref)
    return;
  if (done)
    complain(c, "was done and refused by " + c.code);
  if (f && f->what == kind::refused && c.code != "forbidden")
    complain(c, "was refused by " + c.code + " where the room said forbidden");
  if (f && f->what == kind::slipped && c.code != "internal")
    complain(c, "was refused by " + c.code + " where the room has slipped");
  if (f && f->what == kind::crashed && c.code != "room_closed")
    complain(c, "crashed the room and was refused by " + c.code);
  auto is_late = c.type == "$reply" && c.code == "timed_out";
  if (!f && !is_late && c.code != "not_joined" && c.code != "forbidden" && c.code != "room_closed")
    complain(c, "was refused by " + c.code);
}

/// Whether the command repeats one that was accepted in that room: nobody hears it.
/// Pins §4.116.
bool judge::is_repeat(const command& c, const place& p) const {
  return !c.is_passing
      && oracle_.logs[stays_[p.stay].log()].ids.first_of(user_, c.number, c.id).has_value();
}

// -- where it is ----------------------------------------------------------------------------------

/// The places that a command may have gone to, the likeliest first. If there are several, only the
/// last can be sure.
std::vector<judge::place*> judge::where(const command& c) {
  std::vector<place*> found;
  for (auto i = places_.rbegin(); i != places_.rend(); ++i) {
    if ((c.room && *c.room != i->room) || i->lost)
      continue;
    found.push_back(&*i);
    if (is_sure(*i) || c.room)
      break;
  }
  return found;
}

/// Whether the client surely is a member, or was one until it left by a command.
bool judge::is_sure(const place& p) const {
  auto& s = stays_[p.stay];
  if (s.how() == stay::end::left)
    return true;
  return s.how() == stay::end::none
      && (ending_ == ending::none || (ending_ == ending::went && s.cut_short()));
}

void judge::forget(const std::string& room) {
  std::erase_if(places_, [&](auto& p) { return p.room == room; });
}

void judge::complain(const command& c, const std::string& what) {
  oracle_.complain(user_, "its " + c.type + ' ' + std::to_string(c.number)
                            + (c.room ? " to " + *c.room : std::string{}) + ' ' + what);
}

} // namespace troupe::model
