#include <utility>

#include "client.hpp"

#include <simdjson.h>

#include <cstdlib>
#include <iostream>

namespace troupe::model {

using protocol::encoding;

/// The fields of a server message that the model looks at.
struct frame_fields {
  std::string type, room, epoch, text, user, reason, code;
  std::optional<std::uint64_t> seq;
  std::optional<int> ref;
  std::optional<std::size_t> index;
};

namespace {

frame_fields parse(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::object o = parser.parse(json);
  frame_fields f;
  auto text = [&](const char* key, std::string& out) {
    std::string_view v;
    if (o[key].get(v) == simdjson::SUCCESS)
      out = v;
  };
  text("type", f.type);
  text("roomId", f.room);
  text("epoch", f.epoch);
  text("text", f.text);
  text("userId", f.user);
  text("reason", f.reason);
  text("code", f.code);
  std::uint64_t n;
  if (o["seq"].get(n) == simdjson::SUCCESS)
    f.seq = n;
  if (o["ref"].get(n) == simdjson::SUCCESS)
    f.ref = static_cast<int>(n);
  if (o["index"].get(n) == simdjson::SUCCESS)
    f.index = n;
  return f;
}

} // namespace

client::client(truth& t, actors::node& node, unsigned loop, encoding e, std::string user_id)
  : truth_(t), encoding_(e), user_id_(std::move(user_id)), loop_(loop) {
  session_ = std::make_unique<testing::memory_session>(node, node.loop(loop), actors::connection_info{e, user_id_},
                                                       transport::outbox::bounds{6'000, 60});
}

void client::say(const std::string& json) {
  if (encoding_ != encoding::v1_msgpack)
    return session_->say(json);
  std::string packed;
  protocol::transcode(protocol::codec::json, json, protocol::codec::msgpack, packed);
  session_->say(packed, true);
}

void client::join(const std::string& room, std::optional<int> ref) {
  say(R"({"type":"join","roomId":")" + room + "\"" + (ref ? ",\"ref\":" + std::to_string(*ref) : "") + "}");
  if (ref)
    open_refs_.emplace(*ref, std::string{});
}

void client::publish(const std::string& room, const std::string& text, bool echo, std::optional<int> ref) {
  auto to = encoding_ == encoding::plain_json ? std::string{} : ",\"roomId\":\"" + room + "\"";
  say(R"({"type":"message")" + to + R"(,"text":")" + text + "\"" + (echo ? "" : ",\"echo\":false")
      + (ref ? ",\"ref\":" + std::to_string(*ref) : "") + "}");
  if (ref)
    open_refs_.emplace(*ref, text);
}

// -- what comes in --------------------------------------------------------------------------------------------------------

void client::look() {
  for (auto& frame : session_->take_frames()) {
    if (closed_)
      complain("a frame after the close frame");
    if (frame.opcode == 8) {
      closed_ = true;
    } else if (frame.after_cut) {
      continue; // control output that was kept; a member that is cut counts as gone from there
    } else if (frame.opcode == 1) {
      on_frame(frame.payload);
    } else if (frame.opcode == 2) {
      std::string json;
      protocol::transcode(protocol::codec::msgpack, frame.payload, protocol::codec::json, json);
      on_frame(json);
    }
  }
}

void client::on_frame(const std::string& json) {
  if (std::getenv("TROUPE_MODEL_TRACE"))
    std::cerr << user_id_ << " <- " << json << '\n';
  auto f = parse(json);
  std::string asked;
  if (f.ref) {
    auto open = open_refs_.extract(*f.ref);
    if (!open)
      complain("a second answer to a ref: " + json);
    else
      asked = std::move(open.mapped());
  }
  if (encoding_ == encoding::plain_json) {
    if (f.type == "message")
      on_plain_message(f.text);
    return;
  }
  if (f.type == "joined") {
    on_joined(f);
  } else if (f.type == "which") {
    auto i = stays_.find(f.room);
    if (i == stays_.end())
      return complain("which without joined");
    i->second.log = f.index;
    log_of_epoch_[i->second.epoch] = *f.index;
    for (auto& [seq, text] : std::exchange(i->second.early, {}))
      check(i->second, seq, text);
  } else if (f.type == "message") {
    on_message(f);
  } else if (f.type == "left") {
    end_stay(f.room, f.seq);
  } else if (f.type == "roomClosed") {
    end_stay(f.room, std::nullopt);
  } else if (f.type == "ack") {
    auto i = stays_.find(f.room);
    if (i == stays_.end())
      return complain("an ack of a room that is not held");
    if (i->second.log)
      check_ack(i->second, *f.seq, asked);
  }
}

/// An ack names the position of the message that it acks, after everything up to it.
void client::check_ack(const stay& s, std::uint64_t seq, const std::string& text) {
  auto& log = truth_.rooms[*s.log].lines;
  if (seq == 0 || seq > log.size() || log[seq - 1].text != text)
    complain("an ack of seq " + std::to_string(seq) + " of " + s.room + ", which is not where the message is");
  check_skipped(s, s.next, seq + 1);
}

void client::on_joined(const frame_fields& f) {
  auto i = stays_.find(f.room);
  if (i != stays_.end()) { // a second join of a held room
    if (i->second.epoch != f.epoch)
      complain("joined with another epoch while the room is held");
    else if (i->second.log)
      check_skipped(i->second, i->second.next, *f.seq + 1);
    return;
  }
  stay s{f.room, f.epoch, {}, *f.seq + 1, {}};
  if (auto known = log_of_epoch_.find(f.epoch); known != log_of_epoch_.end())
    s.log = known->second;
  stays_.emplace(f.room, std::move(s));
}

void client::on_message(const frame_fields& f) {
  ++received;
  auto i = stays_.find(f.room);
  if (i == stays_.end())
    return complain("a message of a room that is not held: " + f.text);
  if (i->second.log)
    check(i->second, *f.seq, f.text);
  else
    i->second.early.emplace_back(*f.seq, f.text);
}

/// A plain client knows neither room nor position: each text at most once, and only such as were said.
void client::on_plain_message(const std::string& text) {
  ++received;
  if (!plain_seen_.insert(text).second)
    complain("a message twice: " + text);
}

void client::check(stay& s, std::uint64_t seq, const std::string& text) {
  auto& log = truth_.rooms[*s.log].lines;
  if (seq < s.next)
    return complain("seq " + std::to_string(seq) + " again or late in " + s.room);
  if (seq > log.size() || log[seq - 1].text != text)
    return complain("seq " + std::to_string(seq) + " of " + s.room + " is not what the room said");
  if (!log[seq - 1].echo && log[seq - 1].sender == user_id_)
    complain("an own message without echo came back");
  check_skipped(s, s.next, seq);
  s.next = seq + 1;
}

void client::check_skipped(const stay& s, std::uint64_t from, std::uint64_t to) {
  auto& log = truth_.rooms[*s.log].lines;
  for (auto seq = from; seq < to && seq <= log.size(); ++seq)
    if (log[seq - 1].echo || log[seq - 1].sender != user_id_)
      complain("seq " + std::to_string(seq) + " of " + s.room + " was skipped");
}

void client::end_stay(const std::string& room, std::optional<std::uint64_t> last) {
  auto i = stays_.find(room);
  if (i == stays_.end())
    return complain("the end of a stay that did not begin: " + room);
  auto& s = i->second;
  if (s.log)
    check_skipped(s, s.next, (last ? *last : truth_.rooms[*s.log].lines.size()) + 1);
  stays_.erase(i);
}

void client::settle() {
  look();
  if (gone())
    return; // a run of whole frames from the start is all that is owed, and was checked
  for (auto& [room, s] : stays_) {
    if (!s.log)
      complain("never told the log of " + room);
    else
      check_skipped(s, s.next, truth_.rooms[*s.log].lines.size() + 1);
    if (s.log && truth_.latest[room] != *s.log)
      complain("still in a room that has ended: " + room);
  }
  for (auto& [ref, text] : open_refs_)
    complain("ref " + std::to_string(ref) + " was never answered");
}

void client::complain(std::string what) { complaints.push_back(user_id_ + ": " + std::move(what)); }

} // namespace troupe::model
