#include <utility>

#include "client.hpp"

namespace troupe::model {

/// The stay that it is in, as far as it has been told.
stay* plain_client::current() {
  return stays_.empty() || stays_.back().how() != stay::end::none ? nullptr : &stays_.back();
}

void plain_client::on_frame(const frame_fields& f) {
  auto* asked = commands_.answered_by(f);
  if (f.type == "direct")
    return on_direct(f);
  if (asked && asked->what == command::kind::direct)
    return on_direct_answer(*asked, f);
  if (f.type == "which")
    return on_which(f);
  if (f.type == "history")
    return current() ? check_history(*current(), f) : complain("reads the history of no room");
  if (f.type == "pong" || f.type == "presence"
      || (f.type == "error" && (f.ref || !f.request.empty())))
    return;
  joined_again();
  if (f.type == "joined")
    entering_ = asked;
  else if (f.type == "error")
    on_thrown_out(f);
  else if (f.type == "ack")
    on_ack(f, asked);
  else if (!current())
    complain("heard a " + f.type + " outside of all rooms");
  else
    f.type == "outside" ? current()->hear_outside(f) : current()->hear(f);
}

/// Notes that it is now in another room, or in the same room anew. Its lobby comes without
/// `joined`.
void plain_client::on_which(const frame_fields& f) {
  auto* asked = std::exchange(entering_, nullptr);
  if (!asked) {
    asked = commands_.answered_by([&] {
      frame_fields silent;
      silent.type = "joined";
      silent.room = oracle_.logs[*f.log].name;
      return silent;
    }());
    if (asked && asked->number != 0)
      complain("is in a room without joined");
  }
  if (auto* before = current())
    before->switched();
  begin(asked, *f.log, *f.at, std::nullopt);
}

/// An `error` without `request` tells the end of a stay. The error of the previous room may come
/// late.
void plain_client::on_thrown_out(const frame_fields& f) {
  if (auto* in = current(); in && in->room() == f.room)
    in->over(f.code == "room_closed" ? stay::end::closed
             : f.code == "forbidden" ? stay::end::forbidden
                                     : stay::end::kicked,
             f.seq);
}

void plain_client::on_ack(const frame_fields& f, const command* c) {
  if (!c)
    return;
  if (c->what == command::kind::say)
    return acked(current(), c, f);
  if (c->what != command::kind::leave)
    return;
  if (auto* in = current())
    in->over(stay::end::left, std::nullopt);
  else
    complain("left while it was in no room");
}

void plain_client::joined_again() {
  auto* asked = std::exchange(entering_, nullptr);
  if (!asked)
    return;
  if (!current() || current()->room() != *asked->room)
    return complain("was told joined " + *asked->room + " and then nothing of it");
  asked->stay = stays_.size() - 1;
}

void plain_client::settle() {
  look();
  if (!gone() || (current() && entering_ && current()->room() == *entering_->room))
    joined_again();
  client::settle();
}

} // namespace troupe::model
