#include "reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::churn {

reader::reader(truth& t, tally& counts, life_id life, protocol::encoding encoding)
  : truth_(t), counts_(counts), life_(life), encoding_(encoding), stays_(t.rooms()) {}

void reader::asked(std::uint64_t ref, question q) {
  joining_ += q.what == question::kind::join;
  questions_.emplace(ref, q);
}

void reader::said(publication_id p) {
  said_.push_back(p);
  if (truth_[p].echo)
    copies_.insert(p);
}

void reader::on_frame(const server_frame& f) {
  if (astray_)
    return;
  switch (f.type) {
    case frame_type::message: on_message(f); return confirm();
    case frame_type::user_joined:
    case frame_type::user_left: on_presence(f); return confirm();
    case frame_type::welcome: return on_welcome(f);
    case frame_type::joined: return on_joined(f);
    case frame_type::left: return on_left(f);
    case frame_type::ack: return on_ack(f);
    case frame_type::error: return on_error(f);
    case frame_type::pong: take(f, question::kind::ping); return;
    case frame_type::other: return complain(f, "not to be expected");
  }
}

void reader::end(bool cut) {
  if (!cut)
    confirm();
  for (auto& [ref, q] : questions_)
    if (q.what == question::kind::join)
      excuse(q.room); // the lost answer may have been a refusal
  truth_.keep_run(life_, std::exchange(run_, {}));
  stays_.assign(truth_.rooms(), std::nullopt);
  questions_.clear();
  copies_.clear();
}

// -- what rooms say -------------------------------------------------------------------------------

void reader::on_message(const server_frame& f) {
  ++counts_.deliveries;
  auto p = truth_.heard(f.text);
  if (p == 0)
    return complain(f, "a text that nobody has said");
  auto& said = truth_[p];
  auto user = truth_.user_named(f.user);
  if (plain()) {
    on_plain_message(p);
  } else {
    auto* s = stay_of(f);
    if (!s || !f.seq)
      return complain(f, "in a room that it is not in");
    if (truth_.room_named(f.room) != said.room)
      truth_.stray(life_, p);
    truth_.place(p, *s->log, *f.seq);
    if (*f.seq < s->next)
      complain(f, "seq again or late");
    catch_up(*s, *f.seq);
    s->next = std::max(s->next, *f.seq + 1);
    if (auto i = s->present.find(user); i != s->present.end() && !i->second)
      complain(f, "of a user that has left");
  }
  truth_.check_stamp(p, user, f.timestamp);
  if (said.by == life_ && copies_.erase(p) == 0)
    complain(f, said.echo ? "an own message twice" : "an own message without echo came back");
}

void reader::on_plain_message(publication_id p) {
  if (!seen_.insert(p).second)
    truth_.complain(life_, "publication " + std::to_string(p) + " again");
  if (truth_[p].room != only_room_)
    truth_.stray(life_, p);
  run_.push_back(p);
}

void reader::on_presence(const server_frame& f) {
  ++counts_.presence;
  auto user = truth_.user_named(f.user);
  if (user == truth_.user_of(life_))
    return complain(f, "about itself");
  if (plain())
    return;
  auto* s = stay_of(f);
  if (!s)
    return complain(f, "of a room that it is not in");
  bool here = f.type == frame_type::user_joined;
  auto [i, is_new] = s->present.try_emplace(user, here);
  if (!is_new && std::exchange(i->second, here) == here)
    complain(f, "twice");
}

// -- what is answered -----------------------------------------------------------------------------

void reader::on_welcome(const server_frame& f) {
  if (plain() || std::exchange(welcomed_, true))
    return complain(f, "not to be expected");
  truth_.identify(life_, truth_.user_named(f.user));
}

void reader::on_joined(const server_frame& f) {
  auto q = take(f, question::kind::join);
  if (!q)
    return;
  ++counts_.joins;
  if (plain())
    return on_plain_joined(*q);
  auto* log = truth_.log_of(q->room, f.epoch);
  if (!log || !f.seq || !welcomed_ || truth_.user_named(f.user) != truth_.user_of(life_))
    return complain(f, "no seq, no welcome before it, or another user id");
  auto& here = stays_[q->room];
  if (!here) {
    if (auto i = left_.find(log); i != left_.end() && i->second > *f.seq)
      complain(f, "a position before that in `left`");
    here = stay{log, *f.seq, *f.seq + 1, {}};
    return;
  }
  if (here->log != log || here->next > *f.seq + 1)
    complain(f, "a second join with another epoch or a position before what has come");
  catch_up(*here, *f.seq + 1);
}

/// Ends the stay in the previous room. What that room has not sent yet, own messages included, no
/// longer comes.
void reader::on_plain_joined(const question& q) {
  truth_.keep_run(life_, std::exchange(run_, {}));
  only_room_ = q.room;
  std::erase_if(copies_, [&](auto p) { return p <= q.publication && truth_[p].room != q.room; });
}

void reader::on_left(const server_frame& f) {
  auto q = take(f, question::kind::leave);
  auto* s = stay_of(f);
  if (!q || !s || !f.seq)
    return complain(f, "the end of no stay");
  ++counts_.leaves;
  if (s->next > *f.seq + 1)
    complain(f, "a position before what has come");
  catch_up(*s, *f.seq + 1);
  left_[s->log] = *f.seq;
  stays_[q->room].reset();
}

void reader::on_ack(const server_frame& f) {
  auto q = take(f, question::kind::publish);
  if (!q)
    return;
  if (!f.seq)
    return complain(f, "no seq");
  if (copies_.contains(q->publication))
    complain(f, "before the message itself");
  if (plain())
    return truth_.place(q->publication, *f.seq);
  auto* s = stay_of(f);
  if (!s)
    return complain(f, "of a room that it is not in");
  truth_.place(q->publication, *s->log, *f.seq);
  catch_up(*s, *f.seq + 1);
}

void reader::on_error(const server_frame& f) {
  auto asked = f.ref ? questions_.find(*f.ref) : questions_.end();
  if (asked != questions_.end() && asked->second.what == question::kind::join
      && f.code == "room_closed") {
    ++counts_.joins_refused;
    excuse(asked->second.room);
    astray_ = true;
    return;
  }
  if (!take(f, question::kind::refused))
    return;
  if (f.code != "not_joined" && f.code != "forbidden")
    complain(f, "another error than was asked for");
}

// -- parts ----------------------------------------------------------------------------------------

std::optional<question> reader::take(const server_frame& f, question::kind what) {
  auto i = f.ref ? questions_.find(*f.ref) : questions_.end();
  if (i == questions_.end()) {
    complain(f, "an answer to nothing, or the second one");
    return std::nullopt;
  }
  auto q = i->second;
  questions_.erase(i);
  joining_ -= q.what == question::kind::join;
  bool names_room = what != question::kind::ping && what != question::kind::refused;
  if (q.what != what || (names_room && truth_.room_named(f.room) != q.room)) {
    complain(f, "not the answer to what was asked");
    return std::nullopt;
  }
  return q;
}

void reader::catch_up(stay& s, std::uint64_t to) {
  if (to > truth_.publications() + 1)
    return unconfirmed_.push_back("seq " + std::to_string(to - 1) + ": more than was ever said");
  for (auto seq = s.next; seq < to; ++seq) {
    auto p = s.log->at(seq);
    if (p == 0)
      unconfirmed_gaps_.push_back({s.log, seq, seq + 1});
    else if (truth_[p].by != life_ || truth_[p].echo)
      unconfirmed_.push_back("seq " + std::to_string(seq) + " of room "
                             + std::to_string(s.log->room) + " was skipped (publication "
                             + std::to_string(p) + " of life " + std::to_string(truth_[p].by)
                             + ")");
  }
  s.next = std::max(s.next, to);
}

void reader::excuse(unsigned room) {
  for (auto p : said_)
    if (truth_[p].room == room)
      truth_.excuse(p);
}

stay* reader::stay_of(const server_frame& f) {
  auto room = truth_.room_named(f.room);
  return !plain() && room < stays_.size() && stays_[room] ? &*stays_[room] : nullptr;
}

void reader::complain(const server_frame& f, std::string_view what) {
  std::string text{f.type_name};
  text.append(" of ").append(f.room.empty() ? "?" : f.room);
  if (f.seq)
    text += " seq " + std::to_string(*f.seq);
  if (f.ref)
    text += " ref " + std::to_string(*f.ref);
  if (!f.code.empty())
    text.append(" code ").append(f.code);
  if (!f.text.empty())
    text.append(" text ").append(f.text.substr(0, f.text.find(' ')));
  unconfirmed_.push_back(text.append(": ").append(what));
}

void reader::confirm() {
  for (auto& what : unconfirmed_)
    truth_.complain(life_, what);
  for (auto& g : unconfirmed_gaps_)
    truth_.excuse_later(life_, *g.log, g.from, g.to);
  unconfirmed_.clear();
  unconfirmed_gaps_.clear();
}

std::string reader::owed_text() const {
  constexpr std::array names{"join", "leave", "publish", "refused", "ping"};
  std::string text;
  for (auto& [ref, q] : questions_)
    text.append(" ")
      .append(names[static_cast<std::size_t>(q.what)])
      .append(" ref ")
      .append(std::to_string(ref));
  for (auto p : copies_)
    text.append(" copy of publication ").append(std::to_string(p));
  return text;
}

} // namespace troupe::churn
