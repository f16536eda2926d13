#include "fanout/replay_table.hpp"

#include <algorithm>

namespace troupe::actors {

replay_table::room* replay_table::find(session& s, room_key key) noexcept {
  auto i =
    std::find_if(s.rooms.begin(), s.rooms.end(), [&](auto& r) { return r.identity->key == key; });
  return i == s.rooms.end() ? nullptr : &*i;
}

void replay_table::note(const room_identity_ptr& room, session_key who, protocol::encoding in,
                        std::uint64_t behind) {
  if (behind == 0)
    return remove(room->key, who);
  auto& s = sessions_[who];
  if (s.asked == room->key)
    s.asked = {};
  if (auto* known = find(s, room->key))
    known->behind = behind;
  else
    s.rooms.push_back({room, in, behind});
}

void replay_table::remove(room_key room, session_key who) noexcept {
  auto i = sessions_.find(who);
  if (i == sessions_.end())
    return;
  auto& s = i->second;
  std::erase_if(s.rooms, [&](auto& r) { return r.identity->key == room; });
  if (s.asked == room)
    s.asked = {};
  if (s.rooms.empty() && !s.is_held)
    sessions_.erase(i);
}

std::vector<replay_table::last_words> replay_table::release(session_key who) noexcept {
  auto i = sessions_.find(who);
  if (i == sessions_.end())
    return {};
  i->second.is_held = false;
  auto kept = std::move(i->second.kept);
  if (i->second.rooms.empty())
    sessions_.erase(i);
  return kept;
}

bool replay_table::ask(const session_table& sessions) {
  bool again = false;
  for (auto i = sessions_.begin(); i != sessions_.end();) {
    auto& [who, s] = *i;
    auto* output = sessions.find(who);
    if (!output) {
      i = sessions_.erase(i);
      continue;
    }
    ++i;
    if (s.asked || s.is_held)
      continue;
    if (output->queued_bytes() > least_queued_bytes) {
      again |= sessions.is_touched(who);
      continue;
    }
    auto next = std::min_element(s.rooms.begin(), s.rooms.end(),
                                 [](auto& a, auto& b) { return a.behind < b.behind; });
    compat::anon_send(next->identity->handle, replay_wanted{who});
    s.asked = next->identity->key;
  }
  return again;
}

} // namespace troupe::actors
