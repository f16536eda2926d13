#include <utility>

#include "lasting.hpp"
#include "witness.hpp"

#include <algorithm>

namespace troupe::model {

using namespace troupe::actors;

bool witness::on_publish(room_context& room, const member& from, const application_message& m) {
  return take(room, from, m.fields.string("text").value_or(""), "message");
}

bool witness::on_binary(room_context& room, const member& from, std::string_view bytes) {
  return take(room, from, bytes, "binary");
}

bool witness::on_profile(room_context& room, const member& from,
                         const protocol::document_view& profile) {
  auto text = profile.string("text").value_or("");
  if (!take(room, from, text, "$profile"))
    return false;
  auto d = deed::read(text);
  auto name = client_of(from);
  if (!d || oracle_.fates[d->number].what != fate::kind::done)
    return true;
  auto before = oracle_.shown_profile(log(), oracle_.user_of(name));
  std::erase_if(log().profiles, [&](auto& p) { return p.first == name; });
  log().profiles.emplace_back(name, text);
  note_profile(name, before, name);
  return true;
}

/// A room does not hear again what it has accepted.
/// Pins §4.116.
void witness::check_is_new(const deed& d, const std::string& client, std::string_view type) {
  auto is_named = (type == "message" || type == "binary") && !d.is_passing();
  auto first = is_named ? log().ids.first_of(client, d.number, d.id) : std::nullopt;
  if (first && first->is_sure)
    oracle_.complain(name_, "hears " + std::to_string(d.number) + " of " + client
                              + ", which repeats " + std::to_string(first->number));
}

/// The session by which a client is in the room: its own, or the one that it has claimed. Nobody
/// knows which if it was told neither yet.
witness::session_of_client witness::session_of(const std::string& client) const {
  auto claimed = oracle_.claims.find(client);
  if (claimed == oracle_.claims.end())
    return {client, true};
  return {claimed->second->names().front(), oracle_.returned.contains(client)};
}

/// The ids of a client that has left may be known again to the session that comes back.
void witness::part_ids(const std::string& client) {
  auto session = session_of(client);
  log().ids.part(client, session.name, session.is_sure);
}

/// Handles one command; returns whether to relay it.
bool witness::take(room_context& room, const member& from, std::string_view text,
                   std::string_view type) {
  check(room);
  oracle_.seen["binary"] += type == "binary";
  auto d = deed::read(text);
  if (!d) {
    oracle_.complain(name_, "heard what nobody said: " + std::string{text});
    return true;
  }
  auto name = client_of(from);
  auto& before = oracle_.last_number[{name_, name}];
  if (d->number <= before)
    oracle_.complain(name_, "command " + std::to_string(d->number) + " of " + name + " came after "
                              + std::to_string(before));
  before = d->number;
  check_is_new(*d, name, type);
  auto& f = oracle_.fates[d->number];
  // This holds until the command is done. A client that kicks itself is told so even if the room
  // then crashes.
  f = {d->what == "kick" && d->whom == name ? fate::kind::thrown_out
       : d->what == "slip"                  ? fate::kind::slipped
                                            : fate::kind::crashed,
       index_};
  obey(room, *d);
  f.position = log().entries.size();
  if (d->what.starts_with("refuse")) {
    f.what = fate::kind::refused;
    room.refuse(protocol::errc::forbidden, "no");
    return d->what == "refuse/say";
  }
  if (!log().inside.contains(name)) {
    f.what = fate::kind::thrown_out;
    return true;
  }
  auto is_relayed = type == "message" || type == "binary";
  if (is_relayed && !d->id.empty() && !d->is_passing())
    log().ids.add(name, d->id, d->number);
  if (d->what == "swallow") {
    f.what = fate::kind::swallowed;
    return false;
  }
  f.what = is_relayed ? fate::kind::said : fate::kind::done;
  if (is_relayed)
    note_relayed(*d, from, type, text);
  return true;
}

void witness::note_relayed(const deed& d, const member& from, std::string_view type,
                           std::string_view text) {
  oracle_.seen[d.delivery] += d.is_passing();
  entry e{entry::kind::line, std::string{type}, client_of(from), std::string{text}};
  e.except = d.echo ? std::string{} : e.client;
  e.stored = !d.is_passing();
  e.automatic = from.automatic;
  e.is_passing = d.is_passing();
  e.number = d.number;
  if (d.delivery == "latest") {
    e.key = d.key;
    e.session = session_of(e.client).name;
  }
  log().entries.push_back(std::move(e));
}

} // namespace troupe::model
