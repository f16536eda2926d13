#include <utility>

#include "client.hpp"

#include <algorithm>
#include <iostream>

namespace troupe::model {

namespace {

std::string in_quotes(const std::string& s) { return '"' + s + '"'; }
std::string text_of(const deed& d, std::size_t padding = 0) {
  return ",\"text\":" + in_quotes(d.text(padding));
}

std::string manner_of(const deed& d) {
  return std::string{d.echo ? "" : ",\"echo\":false"}
       + (d.is_passing() ? ",\"delivery\":" + in_quotes(d.delivery) : std::string{})
       + (d.key.empty() ? std::string{} : ",\"key\":" + in_quotes(d.key))
       + (d.id.empty()          ? std::string{}
          : d.id.front() == 'i' ? ",\"id\":" + d.id.substr(1)
                                : ",\"id\":" + in_quotes(d.id.substr(1)));
}

} // namespace

void client::join(const std::string& room, const deed& d, bool ref) {
  send({command::kind::join, "join", d.number, room, ref},
       ",\"profile\":{" + text_of(d).substr(1) + '}');
}

void client::come_back(const left_off& since, const deed& d) {
  command c{command::kind::join, "join", d.number, since.room, true};
  c.since = since;
  send(std::move(c), ",\"profile\":{" + text_of(d).substr(1) + "},\"since\":{\"epoch\":"
                       + in_quotes(since.epoch) + ",\"seq\":" + std::to_string(since.seq)
                       + ",\"clientId\":" + in_quotes(since.session->id()) + '}');
}

void client::history(const std::string& room, int number, bool ref) {
  send({command::kind::history, "history", number, room, ref}, {});
}

void client::leave(const std::string& room, int number, bool ref) {
  send({command::kind::leave, "leave", number, room, ref}, {});
}

void client::publish(const std::string& room, const deed& d, bool ref, std::size_t padding) {
  send({command::kind::say, "message", d.number, room, ref, d.is_passing(), d.id},
       text_of(d, padding) + manner_of(d));
}

/// Sends a raw frame where JSON allows it: to the default room, without `ref`, with echo.
void client::send_binary(const std::string& room, const deed& d, bool ref, std::size_t padding) {
  if (room.empty() && !ref && d.echo && !d.is_passing() && d.id.empty()
      && options_.encoding != protocol::encoding::v1_msgpack) {
    note_sent(command::kind::say, d.number);
    commands_.add({command::kind::say, "binary", d.number, std::nullopt});
    session_->say(d.text(padding), true);
    return;
  }
  send({command::kind::say, "binary", d.number, room, ref, d.is_passing(), d.id},
       ",\"data\":" + json_of_bytes(d.text(padding)) + manner_of(d));
}

void client::ask(const std::string& room, const deed& d, bool ref) {
  send({command::kind::say, "do", d.number, room, ref}, text_of(d));
}

void client::change_profile(const std::string& room, const deed& d, bool ref) {
  send({command::kind::say, "$profile", d.number, room, ref},
       ",\"profile\":{" + text_of(d).substr(1) + '}');
}

void client::list(const std::string& room, int number, bool ref) {
  send({command::kind::list, "presence", number, room, ref}, {});
}

void client::ping(int number, bool ref) {
  send({command::kind::ping, "ping", number, {}, ref}, {});
}

void client::authenticate(const std::string& user, const std::vector<std::string>& rooms,
                          int number, bool ref) {
  auto token = user + '/' + name();
  for (auto& room : rooms)
    token += ' ' + room;
  send({command::kind::auth, "auth", number, {}, ref}, ",\"token\":" + in_quotes(token));
  if (user == user_id())
    opened_ = rooms;
}

/// Notes that a command goes out, which makes the former string of its session unsure.
void client::note_sent(command::kind what, int number) {
  oracle_.senders[number] = name();
  if (auto* session = wanted_ ? wanted_.get() : lasting_.get();
      session && what != command::kind::ping && what != command::kind::resume)
    session->commanded(*this);
}

void client::resume(std::shared_ptr<const resume_claim> claim, int number) {
  std::string rooms;
  for (auto& at : claim->named)
    rooms += (rooms.empty() ? "{\"roomId\":" : ",{\"roomId\":") + in_quotes(at.room)
           + ",\"epoch\":" + in_quotes(at.epoch) + ",\"seq\":" + std::to_string(at.seq) + '}';
  command c{command::kind::resume, "resume", number, {}, true};
  auto text = claim->text;
  if (claim->is_its_user && !claim->is_void)
    wanted_ = claim->session;
  on_resume(number);
  auto directs = claim->directs ? ",\"direct\":" + std::to_string(*claim->directs) : std::string{};
  c.claim = std::move(claim);
  send(std::move(c), ",\"resume\":" + in_quotes(text) + directs + ",\"rooms\":[" + rooms + ']');
}

bool client::is_resuming() {
  look();
  auto& all = commands_.all();
  return std::any_of(all.begin(), all.end(),
                     [](auto& c) { return c.what == command::kind::resume && c.answer.empty(); });
}

void client::send(command c, const std::string& fields) {
  if (c.room && c.room->empty())
    c.room.reset();
  auto json = "{\"type\":" + in_quotes(c.type)
            + (c.room ? ",\"roomId\":" + in_quotes(*c.room) : std::string{}) + fields
            + (c.ref ? ",\"ref\":" + std::to_string(c.number) : std::string{}) + '}';
  if (traces())
    std::cerr << name() << " -> " << json << '\n';
  note_sent(c.what, c.number);
  commands_.add(std::move(c));
  if (options_.encoding != protocol::encoding::v1_msgpack)
    return session_->say(json);
  std::string packed;
  protocol::transcode(protocol::codec::json, json, protocol::codec::msgpack, packed);
  session_->say(packed, true);
}

void client::break_off() {
  if (options_.encoding != protocol::encoding::v1_msgpack)
    return;
  for (auto* session : {lasting_.get(), wanted_.get()})
    if (session)
      session->may_end();
  session_->say("text", false);
}

void client::disconnect(bool heard_out) {
  look();
  went_whole_ = heard_out && session_->heeded() && session_->unread() == 0;
  session_->disconnect();
}

} // namespace troupe::model
