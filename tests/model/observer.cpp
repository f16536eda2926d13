#include <utility>

#include "observer.hpp"

#include <algorithm>

namespace troupe::model {

using actors::room_event;

observer::observer(oracle& t, caf::actor_system& system, actors::node& node, std::string room,
                   actors::observer_options options)
  : oracle_(t), node_(node), room_(std::move(room)), self_(system) {
  node_.observe(room_, caf::actor_cast<caf::actor>(self_), options);
}

void observer::look(std::size_t most) {
  for (bool more = true; more && most > 0; --most)
    self_->receive([this](const room_event& e) { take(e); },
                   caf::after(std::chrono::seconds{0}) >> [&] { more = false; });
}

void observer::leave() {
  leaving_ = true;
  node_.unobserve(room_, caf::actor_cast<caf::actor>(self_));
}

void observer::take(const room_event& e) {
  kept_.push_back(e.token);
  if (phase_ == phase::over)
    complain("heard something after the end");
  if ((e.what == room_event::kind::joined || e.what == room_event::kind::refused)
      != (phase_ == phase::asked))
    complain("heard something before it was in, or entered twice");
  switch (e.what) {
    case room_event::kind::joined: phase_ = phase::inside; break;
    case room_event::kind::frame: hear(parse(std::string{e.json()})); break;
    case room_event::kind::gap: missed_ += e.dropped; break;
    case room_event::kind::closed:
    case room_event::kind::refused: phase_ = phase::over; break;
  }
}

void observer::hear(const frame_fields& f) {
  if (f.type == "outside") {
    if (*f.number <= std::exchange(last_outside_, *f.number))
      complain("heard what was published from outside again or late");
  } else if (f.type == "userJoined" || f.type == "userLeft" || f.type == "$profile"
             || f.type == "$away" || f.type == "$back" || f.type == "$presence") {
    if (!oracle_.gathering.contains(room_))
      notices_.push_back(f);
  } else {
    find(f);
  }
}

/// Finds a line's place in the log, and checks that it has heard what came before.
void observer::find(const frame_fields& line) {
  if (line.type == "binary" && (!next_ || missed_ > 0)) { // nothing identifies a binary line
    notices_.clear();
    missed_ = 0;
    return next_.reset();
  }
  auto is_it = [&](const entry& e) {
    return e.what == entry::kind::line && oracle_.user_of(e.client) == line.user
        && e.type == line.type
        && (line.type == "binary" ? e.text.size() == line.size : e.text == line.text);
  };
  for (auto i = next_ ? log_ : oracle_.logs.size() - 1; i < oracle_.logs.size() && !next_; --i) {
    auto& log = oracle_.logs[i];
    if (log.name == room_ && std::any_of(log.entries.begin(), log.entries.end(), is_it)) {
      log_ = i;
      break;
    }
    log_ = oracle_.logs.size();
  }
  if (log_ >= oracle_.logs.size())
    return complain("heard " + line.text + ", which no room has said");
  auto& all = oracle_.logs[log_].entries;
  auto from = all.begin() + static_cast<std::ptrdiff_t>(next_.value_or(0));
  auto found = std::find_if(from, all.end(), is_it);
  if (found == all.end())
    return complain("heard " + line.type + ' ' + line.text + " again or late");
  auto at = static_cast<std::size_t>(found - all.begin());
  if (next_ && heard_between(*next_, at) > notices_.size() + missed_)
    complain("missed something before " + line.type + ' ' + line.text);
  auto before = found;
  for (auto n = notices_.rbegin(); missed_ == 0 && n != notices_.rend(); ++n) {
    while (before != all.begin() && !is_heard(*std::prev(before)))
      --before;
    if (before == all.begin() || std::prev(before)->type != n->type
        || oracle_.user_of(std::prev(before)->client) != n->user)
      return complain("heard " + n->type + ' ' + n->user + " elsewhere than others");
    --before;
  }
  notices_.clear();
  missed_ = 0;
  next_ = at + 1;
}

bool observer::is_heard(const entry& e) const {
  return e.what == entry::kind::line
      || (e.told && oracle_.logs[log_].announces && !oracle_.gathering.contains(room_));
}

std::size_t observer::heard_between(std::size_t from, std::size_t to) const {
  auto& all = oracle_.logs[log_].entries;
  return static_cast<std::size_t>(std::count_if(all.begin() + static_cast<std::ptrdiff_t>(from),
                                                all.begin() + static_cast<std::ptrdiff_t>(to),
                                                [this](auto& e) { return is_heard(e); }));
}

void observer::settle() {
  look(~std::size_t{0});
  if (phase_ == phase::asked && !leaving_)
    complain("was never answered");
  if (phase_ != phase::inside || leaving_)
    return;
  if (last_outside_ < oracle_.last_word(room_))
    complain("never heard what was published from outside last");
  if (!next_)
    return;
  if (oracle_.latest[room_] != log_ || oracle_.logs[log_].over)
    complain("was never told that its room has ended");
  else if (heard_between(*next_, oracle_.logs[log_].entries.size()) > notices_.size() + missed_)
    complain("has missed the last that its room said");
}

} // namespace troupe::model
