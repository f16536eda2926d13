#include <utility>

#include "stay.hpp"

namespace troupe::model {

void stay::over(end how, std::optional<std::uint64_t> seq) {
  auto& all = entries().entries;
  how_ = how;
  if (overrun_)
    return;
  if (former_)
    pass_what_is_left(how, seq);
  pass_to(all.size());
  if (how == end::closed ? next_ < all.size() : !at_own_end()) {
    auto missed = next_ < all.size() && !at_own_end()
                  ? "without having heard " + name_of(all[next_])
                  : std::string{"though the room did not say so"};
    return complain("its stay ended " + missed);
  }
  auto may_be_less = former_ && seq && *seq >= heard_seq_.value_or(0);
  if (seq && seq_ && (may_be_less ? *seq > *seq_ : *seq != *seq_))
    complain("left at " + std::to_string(*seq) + " instead of " + std::to_string(*seq_));
  auto reason = how == end::kicked    ? actors::leave_reason::kicked
              : how == end::forbidden ? actors::leave_reason::forbidden
                                      : actors::leave_reason::left;
  if (how != end::closed && all[next_].reason != reason)
    complain("went for another reason than the room says");
}

/// One that may have been catching up need not have heard what was said behind the position of its
/// `left`, or anything more if the room has ended. It may be told a position before messages that
/// were not for it.
void stay::pass_what_is_left(end how, std::optional<std::uint64_t> seq) {
  auto& all = entries().entries;
  while (seq && seq_ && *seq_ < *seq && next_ < all.size() && !at_own_end() && !is_owed(next_))
    skip();
  if (how == end::closed || (seq && seq <= seq_))
    while (next_ < all.size() && !at_own_end())
      ++next_;
}

void stay::switched() {
  how_ = end::left;
  auto& all = entries().entries;
  for (auto i = next_; i < all.size(); ++i) {
    if (all[i].ends(client_))
      return;
    if (all[i].client == client_ && is_owed(i))
      complain("has another room before it has heard its own " + name_of(all[i]));
  }
}

void stay::settle() {
  auto& all = entries().entries;
  if (how_ != end::none || overrun_)
    return;
  expect_all();
  if (is_entering())
    complain("has come back, and was never let in");
  pass_to(all.size());
  if (plain_ && at_own_end() && all[next_].reason == actors::leave_reason::left)
    how_ = end::left;
  else if (at_own_end())
    complain("was never told that it is no member any more");
  else if (next_ < all.size())
    complain("never heard " + name_of(all[next_]));
  else if (entries().over || oracle_.latest[room()] != log_)
    complain("is still in a room that has ended");
  else if (last_outside_ < oracle_.last_word(room()))
    complain("never heard what was published from outside last");
  else if (!knows(oracle_.present_in(entries())))
    complain("does not know who is in the room");
  oracle_.seen["followed"] += users_ && entries().announces && is_gathered();
}

bool stay::cut_short() const {
  auto& all = entries().entries;
  for (auto i = next_; i < all.size(); ++i)
    if (all[i].ends(client_))
      return all[i].reason == actors::leave_reason::disconnected;
  return false;
}

} // namespace troupe::model
