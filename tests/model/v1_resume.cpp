#include <utility>

#include "client.hpp"
#include "returned_session.hpp"

#include <algorithm>

namespace troupe::model {

namespace {

constexpr std::uint16_t replaced = 1008, too_slow = 1013;

} // namespace

// -- what it leaves to others ---------------------------------------------------------------------

std::vector<left_off> v1_client::positions() {
  look();
  std::vector<left_off> all;
  for (auto& [room, i] : held_)
    if (auto& s = stays_[i]; !s.is_overrun())
      all.push_back({lasting_, room, epochs_[s.log()], s.log(), s.next(), s.seq(), s.first(),
                     s.complete_from()});
  return all;
}

/// Its session is claimed by command `number`, or was.
void v1_client::describe(resume_claim& claim, int number) {
  for (auto& [room, i] : held_) {
    claim.held[room] = {stays_[i].log(), stays_[i].next(), false, -1, true};
    claim.possible.insert(room);
  }
  for (auto& [room, e] : entering_)
    claim.possible.insert(room);
  auto order = 0;
  auto note = [&](const std::string& room, int at, bool is_first) {
    auto seat = claim.held.find(room);
    if (seat == claim.held.end())
      return;
    // A command of it that the room has heard shows that its connection knew of the join.
    auto& last = oracle_.last_number[{room, name()}];
    seat->second.is_confirmed = last > at;
    seat->second.order = ++order;
    seat->second.is_order_sure = is_first || last > at;
  };
  std::set<std::string> seen;
  for (auto& c : commands_.all()) {
    for (auto& [room, stay] : c.rooms)
      note(room, -1, seen.insert(room).second);
    if (c.what != command::kind::join)
      continue;
    if (c.answer == "joined")
      note(*c.room, c.number, seen.insert(*c.room).second);
    else if (auto seat = claim.held.find(*c.room); c.answer.empty() && seat != claim.held.end())
      seat->second.is_order_sure = false;
    if (c.answer.empty() || c.number > number)
      claim.possible.insert(*c.room);
  }
}

void v1_client::on_close() {
  if (wanted_)
    wanted_->may_end();
  if (!lasting_)
    return;
  if (close_code() == replaced && !lasting_->is_claimed_by_another(*this))
    complain("was replaced, and nobody has claimed its session");
  if (close_code() != replaced && close_code() != too_slow)
    lasting_->ended_with(*this);
}

// -- what it takes up -----------------------------------------------------------------------------

void v1_client::on_resumed(const frame_fields& f, command& asked) {
  auto& claim = *asked.claim;
  if (claim.is_void || !claim.is_its_user)
    return complain("was given a session by a string that is none of its own");
  auto& session = *claim.session;
  if (f.user != session.user() || f.client != session.id() || f.resume != string_)
    complain("has resumed as " + f.user + ' ' + f.client + ' ' + f.resume);
  resume_claim now;
  session.holder().describe(now, asked.number);
  returned_session{oracle_, name(), asked, now, f}.check(session.follows_holder(*this));
  if (!session.is_alone(*this))
    claimed_early();
  ++oracle_.seen["resumed"];
  wanted_ = nullptr;
  told_behind_ = commands_.all().back().number;
  session.taken(*this, string_);
  oracle_.returned.insert(name());
  lasting_ = claim.session;
  on_directs_resumed(f, claim);
  leave_lobby();
  for (auto& room : f.rooms)
    come_back_to(room, asked);
}

/// What it has said behind its `resume` waits for that.
/// Pins §4.97.
void v1_client::check_order(const command& asked) {
  if (resume_ && asked.number > *resume_ && asked.what != command::kind::ping)
    complain("was answered to " + asked.type + ' ' + std::to_string(asked.number)
             + " before its resume");
  if (asked.what == command::kind::resume)
    resume_.reset();
}

void v1_client::on_resume_refused(const frame_fields& f, const command& asked) {
  auto& claim = *asked.claim;
  using state = lasting_session::string_state;
  auto now = claim.session ? claim.session->state_of(claim.text) : state::gone;
  auto is_late = claim.session && claim.session->was_claimed_by_newer(*this);
  if (f.code == "session_gone" && now == state::good && !claim.is_void && !is_late)
    complain("was told that its session is gone, which is there");
  else if (f.code == "identity_mismatch" && (claim.is_its_user || claim.is_void))
    complain("was told that its session is another user's");
  else if (f.code != "session_gone" && f.code != "identity_mismatch")
    complain("was refused its session by " + f.code);
  ++oracle_.seen[f.code];
  oracle_.claims.erase(name());
  wanted_ = nullptr;
  if (claim.is_its_user && !claim.is_void)
    claim.session->refused(*this);
}

/// The room into which the node had put it is left without a word.
void v1_client::leave_lobby() {
  for (auto& [room, i] : held_)
    stays_[i].switched();
  held_.clear();
  entering_.clear();
}

/// If the room is recovered, what the client has missed follows, then `which`.
void v1_client::come_back_to(const frame_fields& room, command& asked) {
  asked.rooms.emplace_back(room.room, std::nullopt);
  auto& named = asked.claim->named;
  auto at = std::find_if(named.begin(), named.end(), [&](auto& n) { return n.room == room.room; });
  if (!room.recovered.value_or(false) || at == named.end() || !at->session) {
    entering_.insert_or_assign(room.room, entering{&asked, room.epoch, *room.seq, std::nullopt});
    return;
  }
  ++oracle_.seen["resumed and recovered"];
  epochs_.try_emplace(at->log, room.epoch);
  held_[room.room] = stays_.size();
  note_stay(&asked, room.room, stays_.size());
  begin(nullptr, at->log, at->next, at->seq).go_on_from(lasting_);
}

} // namespace troupe::model
