#include <utility>

#include "client.hpp"

#include "witness.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace troupe::model {

namespace {

bool traces() {
  static const bool on = std::getenv("TROUPE_MODEL_TRACE") != nullptr;
  return on;
}

std::string in_quotes(const std::string& s) { return '"' + s + '"'; }
std::string text_of(const deed& d, std::size_t padding = 0) {
  return ",\"text\":" + in_quotes(d.text(padding));
}

} // namespace

client::client(oracle& t, actors::node& node, unsigned loop, options o)
  : oracle_(t),
    options_(std::move(o)),
    commands_(t, options_.name, protocol::is_plain(options_.encoding)) {
  if (!options_.lobby.empty())
    commands_.add({command::kind::join, "join", 0, options_.lobby});
  oracle_.user_ids[options_.name] = options_.user_id;
  actors::connection_info info{options_.encoding, options_.user_id};
  if (options_.name != options_.user_id) // else its behaviour knows it by its user
    info.claims = claims_of(options_.user_id, options_.name);
  session_ = std::make_unique<testing::memory_session>(node, node.loop(loop), std::move(info),
                                                       options_.bounds);
}

// -- what it says ---------------------------------------------------------------------------------

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
  send({command::kind::say, "message", d.number, room, ref},
       text_of(d, padding) + (d.echo ? "" : ",\"echo\":false"));
}

/// Sends a raw frame where JSON allows it: to the default room, without `ref`, with echo.
void client::send_binary(const std::string& room, const deed& d, bool ref, std::size_t padding) {
  if (room.empty() && !ref && d.echo && options_.encoding != protocol::encoding::v1_msgpack) {
    note_sent(command::kind::say, d.number);
    commands_.add({command::kind::say, "binary", d.number, std::nullopt});
    session_->say(d.text(padding), true);
    return;
  }
  send({command::kind::say, "binary", d.number, room, ref},
       ",\"data\":" + json_of_bytes(d.text(padding)) + (d.echo ? "" : ",\"echo\":false"));
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

void client::other(const std::string& type, int number, bool ref) {
  send({command::kind::other, type, number, {}, ref}, ",\"to\":\"nobody\",\"text\":\"\"");
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
  if (lasting_ && what != command::kind::ping && what != command::kind::resume)
    lasting_->commanded(*this);
}

void client::resume(std::shared_ptr<const resume_claim> claim, int number) {
  std::string rooms;
  for (auto& at : claim->named)
    rooms += (rooms.empty() ? "{\"roomId\":" : ",{\"roomId\":") + in_quotes(at.room)
           + ",\"epoch\":" + in_quotes(at.epoch) + ",\"seq\":" + std::to_string(at.seq) + '}';
  command c{command::kind::resume, "resume", number, {}, true};
  auto text = claim->text;
  c.claim = std::move(claim);
  send(std::move(c), ",\"resume\":" + in_quotes(text) + ",\"rooms\":[" + rooms + ']');
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
  if (lasting_)
    lasting_->may_end();
  session_->say("text", false);
}

void client::disconnect(bool heard_out) {
  look();
  went_whole_ = heard_out && session_->heeded() && session_->unread() == 0;
  session_->disconnect();
}

// -- what comes in --------------------------------------------------------------------------------

void client::look() {
  for (auto& frame : session_->take_frames()) {
    if (closed_)
      complain("a frame after the close frame");
    // Pins §7.7.
    if (announced_ && frame.opcode != 2 && !frame.after_cut && frame.opcode < 8)
      complain("a binary message without its bytes");
    if (frame.opcode == 8) {
      closed_ = true;
      close_code_ = frame.close_code();
      on_close();
    } else if (frame.after_cut) {
      continue; // control output that the cut kept; a cut member counts as gone
    } else if (frame.opcode == 1) {
      on_text(frame.payload);
    } else if (frame.opcode == 2 && options_.encoding == protocol::encoding::v1_msgpack) {
      std::string json;
      protocol::transcode(protocol::codec::msgpack, frame.payload, protocol::codec::json, json);
      on_text(json);
    } else if (frame.opcode == 2) {
      on_raw(frame.payload);
    }
  }
}

void client::on_text(const std::string& json) {
  if (traces())
    std::cerr << name() << " <- " << json << '\n';
  auto f = parse(json);
  if (told_goodbye_)
    complain(f.type + " after goodbye");
  told_goodbye_ |= f.type == "goodbye";
  received_ += f.type == "message" || f.type == "binary" || f.type == "told" || f.type == "outside";
  if (f.type == "binary" && f.size)
    announced_ = std::move(f);
  else
    on_frame(f);
}

void client::on_raw(const std::string& bytes) {
  auto f = std::exchange(announced_, std::nullopt);
  if (!f)
    return complain("bytes that were not announced");
  if (*f->size != bytes.size())
    complain("other bytes than were announced");
  f->bytes = json_of_bytes(bytes);
  on_frame(*f);
}

stay& client::begin(command* asked, std::size_t log, std::size_t at,
                    std::optional<std::uint64_t> seq) {
  if (asked)
    asked->stay = stays_.size();
  return stays_.emplace_back(oracle_, options_.name, is_plain(), log, at, seq);
}

void client::acked(stay* s, const command* c, const frame_fields& f) {
  auto* what = c ? oracle_.fate_of(c->number) : nullptr;
  if (c && !what)
    complain("command " + std::to_string(c->number) + " was acked and no room has heard it");
  else if (c && !s)
    complain("an ack of a room that is not held");
  else if (c)
    s->hear_ack(*what, f.seq);
}

/// Its messages must be in the room's order, each once, each where its `seq` says: what lies
/// between two of them was said from outside, or not to this client.
void client::check_history(const stay& s, const frame_fields& f) {
  auto& said = oracle_.logs[s.log()].entries;
  std::optional<std::uint64_t> before, last_of_log;
  std::size_t next = 0, between = 0;
  for (auto& m : f.messages) {
    if (!m.seq || (before && *m.seq <= *before) || (f.dropped && *m.seq <= *f.dropped))
      return complain("reads positions out of order in " + s.room());
    before = m.seq;
    ++between;
    if (m.type == "outside")
      continue;
    for (; next < said.size() && !says(m, said[next], oracle_.user_of(said[next].client)); ++next)
      between += said[next].stored ? 1 : 0;
    if (next == said.size())
      return complain("reads what was not said in " + s.room() + ", or again: " + m.text);
    if (said[next++].except == name())
      complain("reads what was not for it: " + m.text);
    if (last_of_log && *m.seq != *last_of_log + between)
      complain("reads a message at another position than it was said");
    last_of_log = m.seq;
    between = 0;
  }
  if (!f.complete.value_or(false))
    complain("does not read to the end of what the room keeps");
}

void client::settle() {
  look();
  auto how = !gone() ? ending::none : went_whole_ && !claimed_early_ ? ending::went : ending::cut;
  if (how == ending::none)
    for (auto& s : stays_)
      s.settle();
  if (how == ending::none)
    check_claims();
  judge{oracle_, options_.name, options_.one_room || is_plain(), stays_, how}.walk(commands_.all());
}

/// Checks that its latest token opens the rooms that it is in.
void client::check_claims() {
  for (auto& s : stays_)
    if (s.how() == stay::end::none && !opened_.empty()
        && std::find(opened_.begin(), opened_.end(), s.room()) == opened_.end())
      complain("holds " + s.room() + ", which its token does not open");
}

} // namespace troupe::model
