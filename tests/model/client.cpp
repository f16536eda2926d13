#include <utility>

#include "client.hpp"

#include "witness.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace troupe::model {

bool client::traces() {
  static const bool on = std::getenv("TROUPE_MODEL_TRACE") != nullptr;
  return on;
}

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
  note_behind();
}

/// Frames that have come by now were sent before it fell behind.
void client::note_behind() {
  if (std::exchange(is_behind_, session_->queued_bytes() > 0) == is_behind_)
    return;
  if (!is_behind_)
    return note_level();
  for (auto& s : stays_)
    s.falls_behind();
}

/// The values that have waited had place if there were few. They count in bytes, too, as much as
/// the commands that have said them at most.
void client::note_level() {
  constexpr std::size_t most_bytes_of_one = 300;
  std::size_t values = 0;
  for (auto& s : stays_)
    values += s.values_waiting();
  auto& most = options_.bounds;
  auto may_lack = values > most.max_values() || values * most_bytes_of_one > most.max_value_bytes();
  for (auto& s : stays_)
    s.is_level(may_lack);
}

void client::stalls(std::size_t log) {
  for (auto& s : stays_)
    if (s.log() == log && s.how() == stay::end::none)
      s.stalls();
}

void client::goes_on() {
  for (auto& s : stays_)
    if (s.is_stalled())
      s.goes_on(options_.bounds.max_values());
}

void client::set_window(std::optional<std::size_t> bytes) {
  look();
  session_->set_window(bytes);
  look();
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
  auto& begun = stays_.emplace_back(oracle_, options_.name, is_plain(), log, at, seq);
  if (is_behind_)
    begun.falls_behind();
  return begun;
}

void client::acked(stay* s, const command* c, const frame_fields& f) {
  if (f.duplicate)
    return acked_again(s, *c, f);
  auto* what = c ? oracle_.fate_of(c->number) : nullptr;
  if (c && !what)
    complain("command " + std::to_string(c->number) + " was acked and no room has heard it");
  else if (c && !s)
    complain("an ack of a room that is not held");
  else if (c && !oracle_.note_position(c->number, f.seq.value_or(0)))
    complain("the ack of " + std::to_string(c->number) + " has another seq than it was given");
  else if (c && f.seq.has_value() == c->is_passing)
    complain("the ack of " + std::to_string(c->number)
             + (c->is_passing ? " has a seq" : " has no seq"));
  else if (c)
    s->hear_ack(*what, f.seq);
}

/// It repeats a message that its session has said in that room, and that was accepted.
/// Pins §4.115.
void client::acked_again(stay* s, const command& c, const frame_fields& f) {
  if (!s || !*f.duplicate)
    return complain("is told of a repeat in no room, or of none");
  auto first = oracle_.logs[s->log()].ids.first_of(name(), c.number, c.id);
  if (!first || c.is_passing)
    return complain("command " + std::to_string(c.number) + " was called a repeat");
  ++oracle_.seen["duplicate"];
  oracle_.seen["duplicate after a return"] += oracle_.senders[first->number] != name();
  if (first->is_sure && !oracle_.note_position(first->number, f.seq.value_or(0)))
    complain("the ack of repeat " + std::to_string(c.number) + " has another seq than the first");
  s->hear_ack_of_repeat(oracle_.fates[first->number]);
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
    if (!said[next].stored)
      complain("reads what was not to be kept: " + m.text);
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
  for (auto& s : stays_)
    s.check_values();
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
