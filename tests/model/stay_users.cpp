#include <utility>

#include "stay.hpp"

namespace troupe::model {

void stay::know(users all) {
  if (overrun_)
    return;
  if (!is_gathered() && !knows(all))
    complain("was given a list that is not what it had heard");
  users_ = std::move(all);
}

/// Its own profile it is not told: it has brought it.
bool stay::knows(const users& all) const {
  if (!users_ || !entries().announces)
    return true;
  auto known = *users_;
  auto own = oracle_.user_of(client_);
  if (known.contains(own) && all.contains(own))
    known[own] = all.at(own);
  return known == all;
}

void stay::follow(const frame_fields& f) {
  if (!users_)
    return;
  auto& known = *users_;
  if (f.type == "userJoined")
    known[f.user] = {f.profile};
  if (f.type == "$profile")
    known[f.user].profile = f.profile;
  if (f.type == "$away" || f.type == "$back")
    known[f.user].away = f.type == "$away";
  if (f.type == "userLeft")
    known.erase(f.user);
  if (f.type != "$presence")
    return;
  for (auto* some : {&*f.joined, &*f.changed})
    for (auto& [user, seen] : *some)
      known[user] = seen;
  for (auto& [user, none] : *f.gone)
    known.erase(user);
}

} // namespace troupe::model
