#include <utility>

#include "stay.hpp"

namespace troupe::model {

std::string name_of(const entry& e) {
  return e.type + ' ' + e.client + ' ' + e.text.substr(0, e.text.find(" x"));
}

namespace {

std::string name_of(const frame_fields& f) {
  return f.type + ' ' + f.user + ' ' + f.text.substr(0, f.text.find(" x"));
}

} // namespace

bool says(const frame_fields& f, const entry& e, const std::string& user) {
  if (f.type != e.type || f.user != user)
    return false;
  auto is_bare = f.room.empty(); // for a plain client
  if (e.what == entry::kind::went)
    return is_bare || f.reason == to_string(e.reason);
  if (e.what == entry::kind::away || e.what == entry::kind::back)
    return true;
  if (e.what == entry::kind::came || e.what == entry::kind::profile)
    return is_bare || f.profile == e.text;
  return e.type == "binary" ? f.bytes == json_of_bytes(e.text) : f.text == e.text;
}

stay::stay(oracle& t, std::string client, bool plain, std::size_t log, std::size_t at,
           std::optional<std::uint64_t> seq)
  : oracle_(t),
    client_(std::move(client)),
    plain_(plain),
    log_(log),
    first_(at),
    next_(at),
    seq_(seq),
    complete_from_(seq.value_or(0)) {}

// -- coming back ----------------------------------------------------------------------------------

void stay::go_on_from(std::shared_ptr<const lasting_session> former) {
  former_ = std::move(former);
}

/// Whether a stored broadcast was not for the session. What a connection was excluded from in its
/// lobby, before it took the session up, was for that.
bool stay::excluded_former(const entry& e) const {
  return !e.except.empty() && former_->had(e.except)
      && (!e.automatic || former_->began_with(e.except));
}

void stay::entered(std::size_t log, std::size_t at) {
  if (log != log_)
    return complain("came back to another life of the room");
  pass_to(at);
  lacks_some_ = next_ < at;
  entered_at_ = at;
}

/// Whether its end must follow: it hears what waited for it alone before it is told all again, as
/// who is thrown out while it catches up.
bool stay::is_last_word(std::optional<std::uint64_t> seq) const { return lacks_some_ && !seq; }

void stay::expect_all() {
  if (lacks_some_)
    complain("was not told again what was said behind " + std::to_string(seq()));
}

/// The history has 8 entries.
void stay::overrun(std::uint64_t seq) {
  if (!former_ || seq < this->seq() + 9)
    complain("is told that it has lost something, from " + std::to_string(this->seq()) + " to "
             + std::to_string(seq));
  overrun_ = true;
}

// -- passing over what it need not hear -----------------------------------------------------------

/// What is repeated may have the end of a former stay, in the lobby.
bool stay::at_own_end() const {
  auto& all = entries().entries;
  if (former_ && (!entered_at_ || next_ < *entered_at_))
    return false;
  return next_ < all.size() && all[next_].ends(client_);
}

stay::duty stay::duty_of(std::size_t position) const {
  auto& e = entries().entries[position];
  auto is_notice = e.what != entry::kind::line;
  auto is_silent = is_notice && (!entries().announces || !e.told || is_gathered());
  auto is_repeated = former_ && (!entered_at_ || position < *entered_at_);
  if ((e.except == client_ && !(is_repeated && former_->had(client_))) || (plain_ && !e.plain)
      || is_silent)
    return duty::not_for_it;
  if (e.is_passing && position >= stalled_from_ && position < stalled_to_)
    return given_.contains(position) ? duty::owed : duty::not_for_it;
  auto is_spared = e.is_passing && position < level_from_;
  if (!former_)
    return is_spared ? duty::may_come : duty::owed;
  auto is_meant = e.stored && !excluded_former(e);
  if (is_repeated)
    return is_meant ? duty::owed : duty::not_for_it;
  // It may have been catching up, when what is passing is left out.
  return is_notice || is_meant ? duty::owed : duty::may_come;
}

void stay::pass() {
  if (entries().entries[next_].stored && seq_)
    ++*seq_;
  ++next_;
}

void stay::pass_to(std::size_t position, const frame_fields* heard) {
  while (next_ < position && !at_own_end()) {
    auto here = duty_of(next_);
    if (here == duty::owed
        || (here == duty::may_come && heard && is_that(*heard, entries().entries[next_])))
      return;
    skip();
  }
}

// -- what is heard --------------------------------------------------------------------------------

void stay::hear(const frame_fields& f) {
  if (overrun_ || is_last_word(f.seq))
    return;
  expect_all();
  auto& all = entries().entries;
  pass_to(all.size(), &f);
  if (at_own_end())
    return complain("heard " + name_of(f) + " after it had left");
  if (next_ == all.size())
    return complain("heard " + name_of(f) + ", which the room did not say, or again");
  if (!is_that(f, all[next_]) && former_ && !f.seq)
    return void(lacks_some_ = true);
  if (!is_that(f, all[next_]))
    return complain("heard " + name_of(f) + " where the room said " + name_of(all[next_]));
  auto& heard = all[next_];
  if (f.seq && heard.number > 0 && !oracle_.note_position(heard.number, *f.seq))
    complain(name_of(f) + " has another seq than others were told");
  auto stored = heard.stored;
  pass();
  heard_ = next_;
  if (f.seq.has_value() != stored && !(plain_ && !f.seq))
    complain(name_of(f) + (stored ? " had no seq" : " had a seq"));
  if (f.seq && seq_ && *f.seq != *seq_)
    complain(name_of(f) + " had seq " + std::to_string(*f.seq) + " instead of "
             + std::to_string(*seq_));
  if (f.seq)
    seq_ = heard_seq_ = f.seq;
}

/// If it lies between the client's own messages without echo, only its `seq` tells its place.
void stay::hear_outside(const frame_fields& f) {
  if (overrun_)
    return;
  expect_all();
  auto& what = oracle_.outside[*f.number];
  if (what.room != room())
    return complain("heard what was published to " + what.room);
  if (*f.number <= std::exchange(last_outside_, *f.number))
    complain("heard what was published from outside again or late");
  while (f.seq && seq_ && *seq_ + 1 < *f.seq && next_ < entries().entries.size() && !at_own_end()
         && !is_owed(next_))
    skip();
  if (f.seq && seq_ && *f.seq != *seq_ + 1)
    complain("heard what was published from outside at " + std::to_string(*f.seq) + " instead of "
             + std::to_string(*seq_ + 1));
  if (f.seq
      && std::exchange(what.place, std::pair{log_, *f.seq}).value_or(std::pair{log_, *f.seq})
           != *what.place)
    complain("heard what was published from outside elsewhere than others");
  if (f.seq)
    seq_ = heard_seq_ = f.seq;
  else if (seq_)
    ++*seq_;
  heard_ = next_;
}

void stay::hear_position(std::uint64_t seq) {
  if (overrun_ || is_last_word({}))
    return;
  while (seq_ && *seq_ < seq && next_ < entries().entries.size() && !at_own_end()
         && !is_owed(next_))
    skip();
  if (former_ && seq_ && *seq_ < seq) // it waited for it alone: its end follows
    return void(lacks_some_ = true);
  if (seq_ && *seq_ != seq)
    complain("was told position " + std::to_string(seq) + " having heard all up to "
             + std::to_string(*seq_));
  seq_ = seq;
}

void stay::hear_ack(const fate& f, std::optional<std::uint64_t> seq) {
  if (overrun_ || is_last_word({}))
    return;
  expect_all();
  if (f.log != log_)
    return complain("an ack of another room");
  auto behind = f.position + (f.what == fate::kind::said ? 1 : 0);
  pass_to(behind);
  if (next_ < behind && former_)
    return void(lacks_some_ = true);
  if (next_ < behind)
    return complain("an ack before " + name_of(entries().entries[next_]));
  if (heard_ > behind)
    return complain("an ack behind later frames");
  if (former_ && seq && seq_ && next_ == behind && *seq_ < *seq)
    return void(lacks_some_ = true);
  if (seq && seq_ && next_ == behind && *seq != *seq_)
    complain("an ack of seq " + std::to_string(*seq) + " instead of " + std::to_string(*seq_));
  if (seq && next_ == behind)
    seq_ = seq;
}

void stay::hear_ack_of_repeat(const fate& first) {
  hear_alone(first.position + (first.what == fate::kind::said ? 1 : 0), "an ack of a repeat");
}

void stay::hear_alone(std::size_t behind, const std::string& what) {
  if (overrun_ || is_last_word({}))
    return;
  expect_all();
  pass_to(behind);
  if (next_ < behind && former_)
    lacks_some_ = true;
  else if (next_ < behind)
    complain(what + " before " + name_of(entries().entries[next_]));
}

void stay::complain(const std::string& what) {
  if (!std::exchange(broken_, true))
    oracle_.complain(client_ + " in " + room() + " (log " + std::to_string(log_) + ')', what);
}

} // namespace troupe::model
