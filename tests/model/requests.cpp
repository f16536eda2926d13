// What rooms ask their members, and what those answer.
#include "requests.hpp"

#include "witness.hpp"
#include "world.hpp"

#include <algorithm>

namespace troupe::model {

using namespace troupe::actors;
using namespace std::chrono_literals;
using protocol::errc;

// -- what a room does -----------------------------------------------------------------------------

/// Asks a client, if it is there.
void witness::ask(room_context& room, const deed& d) {
  const member* asked = nullptr;
  room.for_each_member([&](const member& each) {
    if (client_of(each) == d.whom)
      asked = &each;
  });
  auto limit = std::chrono::milliseconds{d.number % 3 == 0 ? 50 : d.number % 3 == 1 ? 400 : 30'000};
  request r{index_, d.whom, {{d.whom, log().entries.size()}}};
  r.until = node_.loop(node_.loop_of(name_)).now() + limit;
  if (auto why = reason_against_asking(asked); why != errc::ok)
    request_log::end(r, why);
  auto number = oracle_.requests.add(std::move(r));
  room.ask(asked ? asked->key : session_key{}, {{"n", static_cast<std::int64_t>(number)}}, limit,
           [this, number](room_context& context, const request_result& result) {
             hear_result(context, number, result);
           });
}

errc witness::reason_against_asking(const member* m) const {
  if (!m)
    return errc::not_joined;
  if (protocol::is_plain(m->encoding))
    return errc::unsupported;
  auto most = node_.options().rooms.max_requests_per_member;
  return oracle_.requests.open_of(index_, client_of(*m)) < most ? errc::ok : errc::overloaded;
}

/// The handler of a request.
// Pins §4.162, §4.163.
void witness::hear_result(room_context& room, std::size_t number, const request_result& result) {
  check_thread();
  auto& r = oracle_.requests.all()[number];
  auto complain = [&](const std::string& what) {
    oracle_.complain(name_, "request " + std::to_string(number) + " to " + r.client + ' ' + what);
  };
  if (++r.times_heard > 1)
    return complain("was heard twice");
  ++oracle_.seen["request/" + std::string{to_string(result.code)}];
  if (result.code == errc::ok)
    return hear_reply(room, r, result);
  auto now = node_.loop(node_.loop_of(name_)).now();
  if (!r.is_open && result.code != r.why)
    complain("ended by " + std::string{to_string(result.code)} + " instead of "
             + std::string{to_string(r.why)});
  else if (r.is_open && result.code == errc::timed_out && now < r.until)
    complain("ended before its time was over");
  else if (r.is_open && result.code == errc::room_closed && !log().inside.empty())
    complain("ended with its room, which has members");
  else if (r.is_open && result.code != errc::timed_out && result.code != errc::room_closed)
    complain("ended by " + std::string{to_string(result.code)} + ", and it was open");
  r.is_open = false;
}

/// An answer is that of the client that was asked, or has come back to its place.
void witness::hear_reply(room_context& room, request& r, const request_result& result) {
  auto* from = room.find(result.who);
  auto text = std::string{result.data.string("text").value_or("")};
  auto d = deed::read(text);
  if (!from || client_of(*from) != r.client || !d || oracle_.senders[d->number] != r.client)
    return oracle_.complain(name_, "takes for an answer of " + r.client + ": " + text);
  if (!r.is_open)
    oracle_.complain(name_, "takes an answer of " + r.client + ", which was not asked any more");
  if (!r.id.empty() && oracle_.requests.replies[d->number] != r.id)
    oracle_.complain(name_, "takes the answer to another request: " + text);
  r.is_open = false;
  oracle_.seen["answered again"] += r.heard_by.size() > 1;
  take(room, *from, text, "$reply");
}

// -- what a client does ---------------------------------------------------------------------------

void client::reply(const heard_request& to, const deed& d, bool ref) {
  oracle_.requests.replies[d.number] = to.id;
  send({command::kind::say, "$reply", d.number, to.room, ref},
       R"(,"requestId":")" + to.id + R"(","data":{"text":")" + d.text() + "\"}");
}

/// A request has come: to whom it is for, once, behind all that its room had said.
// Pins §4.166, §4.167, §5.42.
void client::on_request(stay* in, const frame_fields& f) {
  auto* r = f.asked ? oracle_.requests.find(*f.asked) : nullptr;
  auto what = "request " + f.request_id + " of " + f.room;
  if (!r || !r->whom.contains(name()))
    return complain("is asked " + what + ", which is not for it");
  if (oracle_.logs[r->log].name != f.room)
    complain("is asked " + what + ", which is another room's");
  if (!r->heard_by.insert(name()).second)
    complain("is asked " + what + " twice");
  if (!r->id.empty() && r->id != f.request_id)
    complain("is asked " + what + " under another id than before: " + r->id);
  r->id = f.request_id;
  heard_requests_.push_back({f.room, f.request_id, *f.asked});
  ++oracle_.seen["asked"];
  oracle_.seen["asked again"] += r->heard_by.size() > 1;
  if (in)
    in->hear_alone(r->whom[name()], "a request");
}

/// A refusal is right if nobody waits for the answer.
// Pins §4.163.
void client::check_refused_reply(const command& c) {
  if (c.code != "timed_out" || !c.room || !c.ref)
    return;
  ++oracle_.seen["late reply"];
  for (auto& heard : heard_requests_) {
    auto& r = oracle_.requests.all()[heard.number];
    if (heard.room == *c.room && heard.id == oracle_.requests.replies[c.number] && r.is_open
        && r.client == name() && oracle_.latest[*c.room] == r.log)
      complain("was told that nobody waits for its answer to request " + heard.id);
  }
}

void client::settle_requests() {
  for (auto& r : oracle_.requests.all())
    if (r.is_open && r.client == name() && oracle_.logs[r.log].inside.contains(name())
        && !r.heard_by.contains(name()))
      complain("was never asked what " + oracle_.logs[r.log].name + " waits for");
}

// -- what is drawn, and the end -------------------------------------------------------------------

/// Lets a client answer: mostly what it was asked, the latest first, sometimes what another one
/// was. Returns whether there was such a thing.
bool world::reply(client& c) {
  auto& whose = draw_.once_in(8) ? *someone() : c;
  auto& heard = whose.heard_requests();
  if (heard.empty())
    return false;
  auto to = draw_.once_in(2) ? heard.back() : heard[draw_.below(heard.size())];
  if (draw_.once_in(12))
    to.room.clear();
  ++oracle_.seen["reply"];
  c.reply(to, a_deed({"refuse", "kick", "tell", "end", "boom", "slip", "query"}, 5), a_ref());
  return true;
}

/// Lets a client ask for requests to itself, more than it may have open, answer some, and come back
/// to its place by another connection, which is asked again and answers, too.
void world::check_asking() {
  if (draining_ || clients_.empty())
    return;
  auto* c = clients_[draw_.below(clients_.size())].get();
  auto held = std::find_if(oracle_.latest.begin(), oracle_.latest.end(), [&](auto& r) {
    return oracle_.logs[r.second].inside.contains(c->name());
  });
  if (held == oracle_.latest.end() || !is_free(*c) || !c->lasting() || c->is_resuming())
    return;
  for (int i = draw_.number(1, 4); i > 0; --i) {
    auto d = a_deed({"query"}, 1);
    d.whom = c->name();
    c->publish(held->first, d, a_ref(), 0);
  }
  settle_sessions();
  for (int i = draw_.number(0, 2); i > 0; --i)
    reply(*c);
  if (draw_.once_in(4))
    c->disconnect(true);
  claim(*c, true);
  settle_sessions();
  for (int i = draw_.number(1, 4); i > 0; --i)
    reply(*clients_.back());
  settle_sessions();
}

/// Checks that no handler waits for longer than it should. Timers are late by a tick at most.
/// `is_end`: no room is left, so each has run.
void world::check_requests(bool is_end) {
  for (auto& r : oracle_.requests.all()) {
    auto& room = oracle_.logs[r.log].name;
    if (is_end && r.times_heard == 0)
      complain(room + " never heard what became of a request to " + r.client);
    else if (r.times_heard == 0 && (!r.is_open || r.until + 20ms < clock_.now()))
      complain(room + " waits too long for the answer of " + r.client);
  }
}

} // namespace troupe::model
