#include "visitor.hpp"

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <utility>

namespace troupe::churn {

using protocol::encoding;

namespace {

constexpr std::size_t most_rooms = 8;
constexpr std::uint16_t normal_closure = 1000;
constexpr std::uint16_t abnormal_closure = 1006;
constexpr std::uint16_t slow_consumer = 1013;

encoding an_encoding(dice& chance) {
  auto n = chance.below(100);
  return n < 45 ? encoding::v1_json : n < 85 ? encoding::v1_msgpack : encoding::plain_json;
}

std::string_view subprotocol_of(encoding e) {
  return e == encoding::v1_json    ? "troupe.v1.json"
       : e == encoding::v1_msgpack ? "troupe.v1.msgpack"
                                   : "";
}

/// Writes `text` as a JSON string. The texts of this test need no other escapes.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text)
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  return out += '"';
}

} // namespace

visitor::visitor(surroundings& around)
  : around_(around),
    reader_(around.what_is_true, around.counts, around.what_is_true.begin_life(),
            an_encoding(around.chance)),
    window_(1 + around.chance.below(4)),
    socket_(around.poller, *this, around.port, subprotocol_of(reader_.encoding())) {}

// -- what comes in --------------------------------------------------------------------------------

void visitor::on_message(bool binary, std::string_view payload) {
  auto f = around_.frames.read(reader_.encoding(), binary, payload);
  if (!f)
    return around_.what_is_true.complain(reader_.life(),
                                         "a frame that is no message of its encoding");
  switch (around_.fault.any() ? planted(*f, payload) : plant::verdict::pass) {
    case plant::verdict::pass: reader_.on_frame(*f); break;
    case plant::verdict::drop:
    case plant::verdict::hold: break;
    case plant::verdict::twice:
      reader_.on_frame(*f);
      reader_.on_frame(*f);
      break;
    case plant::verdict::release:
      reader_.on_frame(*f);
      if (auto late = around_.frames.read(reader_.encoding(), binary, around_.fault.held()))
        reader_.on_frame(*late);
  }
  if (reader_.astray())
    give_up();
}

plant::verdict visitor::planted(const server_frame& f, std::string_view payload) {
  auto p = f.type == frame_type::message ? around_.what_is_true.heard(f.text) : 0;
  if (p == 0 || around_.what_is_true[p].by == reader_.life())
    return plant::verdict::pass;
  return around_.fault.judge(reader_.life(), reader_.plain(), around_.what_is_true[p].room,
                             payload);
}

void visitor::on_end(const test::socket_end& end) {
  bool cut = end.code == slow_consumer || (end.code == abnormal_closure && end.fault.empty());
  around_.counts.cut += cut;
  if (!cut && (!going_ || end.code != normal_closure || !end.fault.empty()))
    around_.what_is_true.complain(reader_.life(), "ended with " + std::to_string(end.code) + ' '
                                                    + end.reason + ' ' + end.fault);
  end_reading(cut);
}

void visitor::end_reading(bool cut) {
  reader_.end(cut);
  held_.clear();
}

// -- what it does ---------------------------------------------------------------------------------

void visitor::act() {
  while (socket_.open() && !gone() && reader_.owed() < window_)
    act_once();
  socket_.flush();
}

void visitor::act_once() {
  if (auto rare =
        std::find_if(held_.begin(), held_.end(), [&](auto& h) { return is_rare(h.room); });
      rare != held_.end() && around_.chance.chance(30))
    return leave(rare->room);
  auto what = around_.chance.below(1'000);
  if (held_.empty() || what < 70)
    held_.size() < most_rooms ? join(a_room()) : leave(a_held_room());
  else if (what < 120)
    leave(a_held_room());
  else if (what < 130)
    join(a_held_room());
  else if (what < 150)
    ping();
  else if (what < 165)
    publish_elsewhere();
  else if (what < 185)
    blink();
  else if (what < 225)
    go();
  else
    publish(a_held_room());
}

void visitor::join_again() {
  for (auto room : std::vector<held_room>{held_})
    join(room.room);
  socket_.flush();
}

void visitor::leave_all() {
  while (!held_.empty())
    leave(held_.back().room);
  socket_.flush();
}

void visitor::go() {
  if (gone() || going_)
    return;
  going_ = true;
  auto how = around_.chance.below(3);
  if (how == 0 && socket_.open()) {
    ++around_.counts.handshakes;
    return socket_.close(normal_closure);
  }
  socket_.flush();
  if (how != 1)
    return give_up();
  ++around_.counts.drops;
  socket_.drop();
  end_reading(false);
}

void visitor::give_up() {
  ++around_.counts.resets;
  socket_.reset();
  end_reading(false);
}

// -- commands -------------------------------------------------------------------------------------

/// The latest join decides which room a command without a room means. Among joins under way at
/// once, the latest is unknown.
void visitor::join(unsigned room) {
  if (reader_.joining() && !reader_.plain())
    for (auto& h : held_)
      h.is_default_when_latest = false;
  bool alone = !reader_.joining() || reader_.plain();
  std::erase_if(held_, [&](auto& h) { return h.room == room || reader_.plain(); });
  held_.push_back({room, alone});
  say(R"({"type":"join")" + room_field(room)
      + ref_field({question::kind::join, room, around_.what_is_true.last_publication()}) + '}');
}

void visitor::leave(unsigned room) {
  auto named = may_omit(room) ? std::string{} : room_field(room);
  std::erase_if(held_, [&](auto& h) { return h.room == room; });
  // A client without subprotocol gets no `left`.
  say(R"({"type":"leave")" + named
      + (reader_.plain() ? std::string{} : ref_field({question::kind::leave, room})) + '}');
}

void visitor::publish(unsigned room) {
  ++around_.counts.published;
  bool echo = !around_.chance.chance(30), with_ref = around_.chance.chance(40);
  auto text = around_.what_is_true.publish(reader_.life(), room, echo, false);
  auto id = around_.what_is_true.last_publication();
  reader_.said(id);
  say(R"({"type":"message")" + (may_omit(room) ? std::string{} : room_field(room))
      + ",\"text\":" + json_string(text) + (echo ? "" : ",\"echo\":false")
      + (with_ref ? ref_field({question::kind::publish, room, id}) : std::string{}) + '}');
  if (!echo && !with_ref)
    ping(); // without an answer, nothing would limit what is under way
}

/// Publishes to a room that it is not in.
void visitor::publish_elsewhere() {
  auto room = around_.chance.below(around_.what_is_true.rooms());
  if (in(room))
    return ping();
  auto text = around_.what_is_true.publish(reader_.life(), room, true, true);
  say(R"({"type":"message")" + room_field(room) + ",\"text\":" + json_string(text)
      + ref_field({question::kind::refused, room}) + '}');
}

void visitor::ping() { say(R"({"type":"ping")" + ref_field({question::kind::ping}) + '}'); }

/// Joins, publishes and leaves without waiting, mostly in a room that is created for it and ends
/// after it.
void visitor::blink() {
  auto room = a_rare_room();
  if (in(room) || held_.size() >= most_rooms)
    return ping();
  join(room);
  publish(room);
  leave(room);
}

// -- parts ----------------------------------------------------------------------------------------

bool visitor::in(unsigned room) const {
  return std::any_of(held_.begin(), held_.end(), [&](auto& h) { return h.room == room; });
}

/// Draws a room. Rooms with lower numbers are fuller; rare rooms are often empty, and so end.
unsigned visitor::a_room() {
  if (around_.chance.chance(1))
    return a_rare_room();
  auto u = around_.chance.unit();
  return static_cast<unsigned>(u * u * (around_.what_is_true.rooms() - rare_rooms()));
}

unsigned visitor::a_rare_room() {
  return around_.what_is_true.rooms() - 1 - around_.chance.below(rare_rooms());
}

unsigned visitor::rare_rooms() const { return std::max(1U, around_.what_is_true.rooms() / 5); }

bool visitor::is_rare(unsigned room) const {
  return room + rare_rooms() >= around_.what_is_true.rooms();
}

unsigned visitor::a_held_room() {
  return held_[around_.chance.below(static_cast<unsigned>(held_.size()))].room;
}

bool visitor::may_omit(unsigned room) const {
  return held_.back().room == room && held_.back().is_default_when_latest
      && (reader_.plain() || around_.chance.chance(30));
}

std::string visitor::room_field(unsigned room) const {
  return ",\"roomId\":" + json_string(around_.what_is_true.name_of(room));
}

std::string visitor::ref_field(question q) {
  reader_.asked(++last_ref_, q);
  return ",\"ref\":" + std::to_string(last_ref_);
}

void visitor::say(const std::string& json) {
  if (reader_.encoding() != encoding::v1_msgpack)
    return socket_.say(json);
  std::string packed;
  protocol::transcode(protocol::codec::json, json, protocol::codec::msgpack, packed);
  socket_.say(packed, true);
}

} // namespace troupe::churn
