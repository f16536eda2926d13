#include <utility>

#include "witness.hpp"

#include <algorithm>

namespace troupe::model {

using namespace troupe::actors;

namespace {

std::string profile_text(const member& m) {
  protocol::document_view profile{protocol::codec_of(m.encoding), m.profile};
  return m.profile.empty() ? std::string{} : profile.string("text").value_or("");
}

} // namespace

std::optional<deed> deed_in_profile(const member& m) {
  if (m.profile.empty())
    return std::nullopt;
  protocol::document_view profile{protocol::codec_of(m.encoding), m.profile};
  return deed::read(profile.string("text").value_or(""));
}

claims_ptr claims_of(const std::string& user, const std::string& client,
                     std::vector<std::string> rooms) {
  auto all = std::make_shared<claims>();
  all->subject = user;
  all->json = "{\"client\":\"" + client + "\"}";
  if (!rooms.empty())
    all->rooms = std::move(rooms);
  return all;
}

std::string client_of(const member& m) {
  if (!m.claims)
    return m.user_id;
  return protocol::document_view{protocol::codec::json, m.claims->json}.string("client").value_or(
    m.user_id);
}

witness::witness(oracle& t, node& n, std::string_view room, const room_options& options)
  : oracle_(t), node_(n), name_(room), index_(t.logs.size()), keep_seat_(options.keep_seat) {
  oracle_.logs.emplace_back().name = name_;
  log().announces = options.announce.value_or(true);
  log().stays_when_empty = options.keep_when_empty;
  log().keeps_seats = keep_seat_.count() > 0;
  log().most_members = options.max_members.value_or(0);
  oracle_.latest[name_] = index_;
  ++oracle_.alive_behaviors;
  on("do", [this](room_context& r, const member& from, const application_message& m) {
    take(r, from, m.fields.string("text").value_or(""), "do");
  });
}

witness::~witness() {
  check_thread();
  check_end();
  log().over = true;
  --oracle_.alive_behaviors;
}

// -- coming and going -----------------------------------------------------------------------------

join_decision witness::authorize_join(room_context& room, const member& candidate) {
  check(room);
  auto d = deed_in_profile(candidate);
  if (!d)
    return join_decision::accept();
  if (is_brought_back(*d, candidate))
    return judge_return(room, *d, candidate);
  auto& f = oracle_.fates[d->number];
  f = {d->what == "ask/slip" ? fate::kind::slipped : fate::kind::crashed, index_};
  obey(room, *d, "ask/");
  if (d->what != "ask/end") // undecided: successors are asked, and end, too
    f.what = d->what == "ask/refuse" ? fate::kind::refused : fate::kind::let_in;
  if (d->what == "ask/instead" && !candidate.returning)
    return let_in_instead(room, candidate, d->whom);
  return d->what == "ask/refuse" ? join_decision::refuse("no") : join_decision::accept();
}

/// Lets it in instead of that client; if that is not there, of another session of its user.
join_decision witness::let_in_instead(room_context& room, const member& candidate,
                                      const std::string& client) {
  auto* gone = room.find_user(candidate.user_id);
  room.for_each_member([&](const member& each) {
    if (client_of(each) == client)
      gone = &each;
  });
  replaced_.reset();
  if (!gone)
    return join_decision::accept();
  replaced_ = {client_of(*gone), gone->user_id == candidate.user_id};
  ++oracle_.seen[replaced_->is_quiet ? "replaced quietly" : "replaced"];
  return join_decision::accept_in_place_of(gone->key, "out");
}

/// Whether that client is replaced by another one of its user: it goes behind that one.
bool witness::is_replaced_quietly(const std::string& client) const {
  return replaced_ && replaced_->gone == client && replaced_->is_quiet;
}

/// The one that has been replaced by a client that has just come.
void witness::forget_replaced() {
  if (replaced_ && replaced_->is_quiet) {
    auto& gone = replaced_->gone;
    if (log().inside.erase(gone) == 0)
      oracle_.complain(name_, gone + " was replaced without having come");
    log().away.erase(gone);
    std::erase_if(log().profiles, [&](auto& p) { return p.first == gone; });
    log().entries.push_back(
      {entry::kind::went, "userLeft", gone, {}, gone, leave_reason::kicked, false, true, false});
  }
  replaced_.reset();
}

/// Whether the profile came with another connection of the session.
bool witness::is_brought_back(const deed& d, const member& m) const {
  auto i = oracle_.senders.find(d.number);
  return i != oracle_.senders.end() && i->second != client_of(m);
}

std::size_t witness::padding_for(const deed& d, const member& m) {
  return is_brought_back(d, m) ? ++oracle_.brought_back : 0;
}

join_decision witness::judge_return(room_context& room, const deed& d, const member& candidate) {
  if (d.what == "ask/slip")
    oracle_.returns[{name_, client_of(candidate)}].insert("internal");
  obey(room, d, "ask/", padding_for(d, candidate));
  if (d.what != "ask/refuse")
    return join_decision::accept();
  oracle_.returns[{name_, client_of(candidate)}].insert("forbidden");
  return join_decision::refuse("no");
}

/// First tells the newcomer with which log to compare its frames, and from which entry on.
void witness::on_join(room_context& room, const member& m) {
  auto name = client_of(m);
  auto user = oracle_.user_of(name);
  auto is_first = !has_user(user);
  auto was_away = is_away(name);
  auto before = oracle_.shown_profile(log(), user);
  check_seat_of(m);
  auto session = session_of(name).name;
  if (is_resumed(m)) {
    oracle_.returned.insert(name);
    oracle_.returns[{name_, name}].insert("came");
    log().ids.begin_again(name, session);
  } else {
    auto d = deed_in_profile(m);
    log().ids.begin_anew(name, d ? d->number : 0);
    log().ids.doubt(session);
  }
  if (is_first)
    log().entries.push_back(
      {entry::kind::came, "userJoined", name, profile_text(m), name, {}, false});
  if (!log().inside.insert(name).second)
    oracle_.complain(name_, name + " came twice");
  if (!m.profile.empty())
    log().profiles.emplace_back(name, profile_text(m));
  if (!is_first)
    note_profile(name, before, name);
  forget_replaced();
  note_away(name, was_away);
  oracle_.seen["further session"] += !is_first;
  check(room);
  room.send_to(m.key, "which", {{"room", name_}, {"log", index_}, {"at", log().entries.size()}});
  if (m.automatic)
    greet(room, m);
  if (auto d = deed_in_profile(m))
    obey(room, *d, "enter/", padding_for(*d, m));
}

/// A client that is still there is taken over: nobody is told, unless it was away.
void witness::on_return(room_context& room, const member& now, const member& former) {
  auto name = client_of(now), gone = client_of(former);
  auto before = oracle_.shown_profile(log(), oracle_.user_of(name));
  auto was_away = is_away(name);
  check_place(now, former);
  oracle_.requests.move(index_, gone, name, log().entries.size(), protocol::is_plain(now.encoding));
  log().away.erase(gone);
  if (is_resumed(now)) {
    oracle_.returned.insert(name);
    oracle_.returns[{name_, name}].insert("came");
    log().ids.begin_after(name, gone);
  } else {
    auto d = deed_in_profile(now);
    part_ids(gone);
    log().ids.begin_anew(name, d ? d->number : 0);
  }
  if (!log().inside.insert(name).second)
    oracle_.complain(name_, name + " came twice");
  if (log().inside.erase(gone) == 0)
    oracle_.complain(name_, gone + " went without having come");
  if (!now.profile.empty())
    log().profiles.emplace_back(name, profile_text(now));
  std::erase_if(log().profiles, [&](auto& p) { return p.first == gone; });
  log().entries.push_back({entry::kind::went,
                           "userLeft",
                           gone,
                           {},
                           gone,
                           actors::leave_reason::disconnected,
                           false,
                           true,
                           false});
  note_profile(name, before, name);
  note_away(name, was_away);
  ++oracle_.seen[former.away ? "back on its seat" : "taken over"];
  check(room);
  room.send_to(now.key, "which", {{"room", name_}, {"log", index_}, {"at", log().entries.size()}});
  if (auto d = deed_in_profile(now))
    obey(room, *d, "enter/", padding_for(*d, now));
}

void witness::on_leave(room_context& room, const member& m, leave_reason reason) {
  auto name = client_of(m);
  if (reason != leave_reason::closed)
    oracle_.requests.end_all_of(index_, name);
  auto is_replaced = replaced_ && replaced_->gone == name && reason == leave_reason::kicked;
  if (is_replaced && is_replaced_quietly(name))
    return; // see `forget_replaced`
  auto user = oracle_.user_of(name);
  auto before = oracle_.shown_profile(log(), user);
  auto user_was_away = is_away(name);
  auto seat = log().away.extract(name);
  if (log().inside.erase(name) == 0)
    oracle_.complain(name_, name + " went without having come");
  std::erase_if(log().profiles, [&](auto& p) { return p.first == name; });
  check_thread();
  if (reason == leave_reason::closed)
    return;
  if (reason == leave_reason::disconnected)
    check_loss(m, bool(seat), seat ? seat.mapped() : steady_time{}), part_ids(name);
  auto is_last = !has_user(user);
  log().entries.push_back(
    {entry::kind::went, "userLeft", name, {}, name, reason, false, true, is_last});
  if (!is_last) {
    note_profile(name, before, {});
    note_away(name, user_was_away);
  }
  check(room);
  if (auto d = is_replaced ? std::nullopt : deed_in_profile(m))
    obey(room, *d, "exit/", padding_for(*d, m));
}

bool witness::has_user(const std::string& user) const {
  auto& inside = oracle_.logs[index_].inside;
  return std::any_of(inside.begin(), inside.end(),
                     [&](auto& client) { return oracle_.user_of(client) == user; });
}

/// A client has changed its user's profile, if that is not what it was `before`.
void witness::note_profile(const std::string& client, std::string before,
                           const std::string& except) {
  auto now = oracle_.shown_profile(log(), oracle_.user_of(client));
  if (now == before)
    return;
  ++oracle_.seen["profile"];
  log().entries.push_back(
    {entry::kind::profile, "$profile", client, now, except, {}, false, false});
}

void witness::on_close(room_context&) {
  check_thread();
  log().closed = true;
}

/// Checks that the room saw its members leave, and that it was told of its end unless it crashed.
void witness::check_end() {
  if (!log().inside.empty())
    oracle_.complain(name_, "has ended, and did not see its members leave");
  if (log().closed == log().crashed)
    oracle_.complain(name_, log().crashed ? "has crashed, and was closed"
                                          : "has ended, and was not closed");
  if (log().stays_when_empty && !log().told_to_end && !log().crashed
      && !oracle_.told_to_end.contains(name_))
    oracle_.complain(name_, "has ended, and was to stay");
}

} // namespace troupe::model
