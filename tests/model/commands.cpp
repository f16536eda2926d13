#include <utility>

#include "commands.hpp"

#include <algorithm>

namespace troupe::model {

command* commands::answered_by(const frame_fields& f) {
  auto* c = f.ref ? by_ref(f) : without_ref(f);
  if (c)
    note(*c, f);
  return c;
}

command* commands::by_ref(const frame_fields& f) {
  auto i =
    std::find_if(all_.begin(), all_.end(), [&](auto& c) { return c.ref && c.number == *f.ref; });
  if (i == all_.end()) {
    oracle_.complain(user_, "an answer to a ref that it never used: " + std::to_string(*f.ref));
    return nullptr;
  }
  if (!i->answer.empty()) {
    oracle_.complain(user_, "a second answer to ref " + std::to_string(*f.ref) + ": " + f.type
                              + " after " + i->answer);
    return nullptr;
  }
  if (!is_right_sort(*i, f.type))
    oracle_.complain(user_, "ref " + std::to_string(*f.ref) + " of a " + i->type
                              + " was answered by " + f.type);
  return &*i;
}

/// Finds the command for an answer without `ref`. Joins of one room are answered in order, and so
/// are pings; refusals name the command that they refuse.
command* commands::without_ref(const frame_fields& f) {
  std::string type = f.type == "joined"                          ? "join"
                   : f.type == "pong"                            ? "ping"
                   : f.type == "presence" || f.type == "history" ? f.type
                   : f.type == "error"                           ? f.request
                                                                 : "";
  if (type.empty())
    return nullptr;
  auto find = [&](auto&& room_fits) {
    auto i = std::find_if(all_.begin(), all_.end(), [&](auto& c) {
      return !c.ref && c.answer.empty() && c.type == type && room_fits(c);
    });
    return i == all_.end() ? nullptr : &*i;
  };
  if (auto* named = find([&](auto& c) { return f.room.empty() ? !c.room : c.room == f.room; }))
    return named;
  if (auto* to_default = find([&](auto& c) { return !c.room; }))
    return to_default;
  oracle_.complain(user_, f.type + ' ' + f.code + " for a " + type + " that it never said");
  return nullptr;
}

bool commands::is_right_sort(const command& c, const std::string& answer) const {
  if (answer == "error")
    return true;
  switch (c.what) {
    case command::kind::join: return answer == "joined";
    case command::kind::leave: return answer == (plain_ ? "ack" : "left");
    case command::kind::ping: return answer == "pong";
    case command::kind::list: return answer == "presence";
    case command::kind::history: return answer == "history";
    case command::kind::resume: return answer == "resumed";
    default: return answer == "ack";
  }
}

void commands::note(command& c, const frame_fields& f) {
  c.answer = f.type;
  c.code = f.code;
  c.is_duplicate = f.duplicate.value_or(false);
  c.answered_by = f.room;
  if (!f.room.empty() && c.room && *c.room != f.room)
    oracle_.complain(user_,
                     "the answer to command " + std::to_string(c.number) + " names " + f.room);
}

} // namespace troupe::model
