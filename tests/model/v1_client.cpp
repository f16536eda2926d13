#include <utility>

#include "client.hpp"

namespace troupe::model {

stay* v1_client::held(const std::string& room) {
  auto i = held_.find(room);
  return i == held_.end() ? nullptr : &stays_[i->second];
}

/// Where it was, if it is gone.
std::vector<left_off> v1_client::take_left_off() {
  std::vector<left_off> all;
  if (!gone() || std::exchange(is_followed_, true))
    return all;
  look();
  for (auto& [room, i] : held_)
    if (auto& s = stays_[i]; !s.is_entering() && !s.is_overrun())
      all.push_back({lasting_, room, epochs_[s.log()], s.log(), s.next(), s.seq()});
  return all;
}

void v1_client::on_frame(const frame_fields& f) {
  if (f.type == "welcome") {
    string_ = f.resume;
    lasting_ = std::make_shared<lasting_session>(*this, user_id(), f.client, string_);
    lasting_->directs().begin(oracle_.directs.last());
  }
  if (f.type == "joined" && !f.ref && f.recovered)
    return on_lost(f);
  auto* asked = commands_.answered_by(f);
  if (asked)
    check_order(*asked);
  if (asked && asked->what == command::kind::resume)
    return f.type == "resumed" ? on_resumed(f, *asked) : on_resume_refused(f, *asked);
  if (asked && asked->what != command::kind::ping && asked->number > told_behind_)
    lasting_->answered(*this);
  if (f.type == "direct")
    return on_direct(f);
  if (asked && asked->type == "$reply" && f.type == "error")
    return check_refused_reply(*asked);
  if (f.type == "$request")
    return on_request(held(f.room), f);
  if (asked && asked->what == command::kind::direct)
    return on_direct_answer(*asked, f);
  auto* in = held(f.room);
  if (f.type == "joined")
    on_joined(f, asked);
  else if (f.type == "which")
    on_which(f);
  else if (f.type == "left")
    end(f, f.reason == "kicked"      ? stay::end::kicked
           : f.reason == "forbidden" ? stay::end::forbidden
                                     : stay::end::left);
  else if (f.type == "roomClosed")
    end(f, stay::end::closed);
  else if (f.type == "ack" && asked && asked->what == command::kind::say)
    acked(in, asked, f);
  else if (f.type == "history")
    in ? check_history(*in, f) : complain("reads the history of a room that is not held");
  else if (f.type == "presence" || f.type == "userJoined" || f.type == "userLeft"
           || f.type == "$profile" || f.type == "$away" || f.type == "$back"
           || f.type == "$presence")
    in ? on_users(*in, f) : complain(f.type + " of a room that is not held: " + f.room);
  else if (f.type == "message" || f.type == "binary" || f.type == "told" || f.type == "outside")
    !in                   ? complain(f.type + " of a room that is not held: " + f.room)
    : f.type == "outside" ? in->hear_outside(f)
                          : in->hear(f);
}

void v1_client::on_users(stay& in, const frame_fields& f) {
  if (f.type == "presence")
    return f.members->size() == f.total ? in.know(*f.members) : void();
  if (!in.is_gathered())
    in.hear(f);
  in.follow(f);
}

/// It has fallen behind while it caught up.
void v1_client::on_lost(const frame_fields& f) {
  auto* in = held(f.room);
  if (!in || *f.recovered)
    return complain("is told of a loss in a room that it does not hold");
  in->overrun(*f.seq);
}

/// The history has 8 entries.
void v1_client::check_recovered(const frame_fields& f, const command* asked) {
  auto is_back = asked && asked->since;
  if (f.recovered.has_value() != is_back)
    return complain("joined " + f.room + (is_back ? " without" : " with") + " recovered");
  if (!is_back)
    return;
  auto& since = *asked->since;
  auto* in = held(f.room);
  auto has_all = in ? since.seq >= in->complete_from() : since.seq + 8 >= *f.seq;
  auto recovers = since.epoch == f.epoch && since.seq <= *f.seq && has_all;
  if (in && in->is_overrun())
    return;
  if (*f.recovered != recovers)
    complain("came back to " + f.room + " from " + std::to_string(since.seq) + " at "
             + std::to_string(*f.seq)
             + (recovers ? ", and it was not recovered" : ", and it was called recovered"));
}

/// What it has missed follows, then `which`.
void v1_client::on_recovered(const frame_fields& f, command& asked) {
  auto since = *asked.since;
  ++oracle_.seen["recovered"];
  epochs_.try_emplace(since.log, f.epoch);
  held_[f.room] = stays_.size();
  auto& begun = begin(&asked, since.log, since.next, since.seq);
  begun.go_on_from(since.session);
  if (f.members && f.members->size() == f.total)
    begun.know(*f.members);
}

void v1_client::on_joined(const frame_fields& f, command* asked) {
  check_recovered(f, asked);
  if (entering_.contains(f.room))
    return complain("joined twice without a word of " + f.room);
  auto* in = held(f.room);
  if (!in && f.recovered.value_or(false) && asked && asked->since)
    return on_recovered(f, *asked);
  oracle_.seen["not recovered"] += !in && f.recovered.has_value();
  if (!in) {
    auto lists_all = f.members && f.members->size() == f.total;
    entering_.insert_or_assign(
      f.room, entering{asked, f.epoch, *f.seq, lists_all ? f.members : std::nullopt});
    return;
  }
  if (epochs_[in->log()] != f.epoch)
    complain("joined with another epoch while the room is held");
  in->hear_position(*f.seq);
  if (f.members && f.members->size() == f.total)
    in->know(*f.members);
  if (asked)
    asked->stay = held_[f.room];
}

void v1_client::note_stay(command* asked, const std::string& room, std::size_t stay) {
  if (!asked)
    return;
  if (asked->what == command::kind::join)
    asked->stay = stay;
  for (auto& [name, begun] : asked->rooms)
    if (name == room)
      begun = stay;
}

void v1_client::on_which(const frame_fields& f) {
  if (auto* back = held(f.room); back && back->is_entering())
    return back->entered(*f.log, *f.at);
  auto in = entering_.extract(f.room);
  if (!in)
    return complain("is told of " + f.room + " without joined");
  if (auto [known, is_new] = epochs_.try_emplace(*f.log, in.mapped().epoch);
      !is_new && known->second != in.mapped().epoch)
    complain("two epochs in one life of " + f.room);
  held_[f.room] = stays_.size();
  auto* asked = in.mapped().asked;
  note_stay(asked, f.room, stays_.size());
  auto& begun = begin(nullptr, *f.log, *f.at, in.mapped().seq);
  if (asked && asked->what == command::kind::resume) { // it catches up, though nothing is repeated
    begun.go_on_from(lasting_);
    begun.entered(*f.log, *f.at);
  }
  if (in.mapped().members)
    begun.know(*in.mapped().members);
}

void v1_client::end(const frame_fields& f, stay::end how) {
  auto* in = held(f.room);
  if (!in)
    return entering_.erase(f.room) > 0 && how == stay::end::closed
           ? void()
           : complain("the end of a stay that did not begin: " + f.room);
  in->over(how, f.seq);
  held_.erase(f.room);
}

void v1_client::settle() {
  look();
  if (!gone())
    for (auto& [room, e] : entering_)
      complain("never heard anything of " + room);
  if (lasting_)
    settle_directs();
  if (!gone() && !is_resuming())
    settle_requests();
  client::settle();
}

} // namespace troupe::model
