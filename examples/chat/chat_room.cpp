#include "chat_room.hpp"

#include "names.hpp"
#include "roster.hpp"

#include <utility>

namespace troupe::examples {

using actors::member;
using actors::room_context;

namespace {

constexpr std::size_t max_roster_members = 200;
constexpr std::string_view name_rule = "username: 1 to 32 characters";
constexpr std::string_view profile_rule = "profile.name: 1 to 32 characters";

/// Broadcasts a `system` event; plain clients get only its text.
void announce(room_context& room, const std::string& text, std::vector<protocol::field> details) {
  room.broadcast({"system", {{"message", text}}, std::move(details), true, true});
}

} // namespace

chat_room::chat_room() {
  on("setUsername", [this](auto& room, auto& who, auto& command) { rename(room, who, command); });
  on("chat", [this](auto& room, auto& who, auto& command) { say(room, who, command); });
  on("typing", [this](auto& room, auto& who, auto&) { tell_typing(room, who); });
}

actors::join_decision chat_room::authorize_join(room_context&, const member& candidate) {
  if (!name_of(candidate))
    return actors::join_decision::refuse(protocol::errc::bad_request, std::string{profile_rule});
  return actors::join_decision::accept();
}

void chat_room::on_join(room_context& room, const member& who) {
  auto name = name_of(who).value_or(default_name(who.user_id));
  people_.insert_or_assign(who.key, person{who.user_id, name});
  announce(room, name + "님이 입장했습니다.",
           {{"event", "joined"}, {"username", name}, {"userId", who.user_id}});
  room.send_to(who.key, "info", {{"userCount", people_.size()}});
  send_roster(room, who);
}

/// Whose client has taken its session up by another connection keeps its name, and nobody else
/// hears of it.
void chat_room::on_return(room_context& room, const member& now, const member& former) {
  auto known = people_.extract(former.key);
  if (known.empty())
    return on_join(room, now);
  known.key() = now.key;
  people_.insert(std::move(known));
  room.send_to(now.key, "info", {{"userCount", people_.size()}});
  send_roster(room, now);
}

/// Only `presence` shows it: `setUsername` changes the name in the chat.
bool chat_room::on_profile(room_context& room, const member& who,
                           const protocol::document_view& profile) {
  auto changed = who;
  changed.profile = profile.bytes();
  if (!name_of(changed))
    room.refuse(protocol::errc::bad_request, profile_rule);
  return true;
}

void chat_room::on_leave(room_context& room, const member& who, actors::leave_reason) {
  auto gone = people_.extract(who.key);
  if (gone.empty())
    return;
  auto& name = gone.mapped().name;
  announce(room, name + "님이 퇴장했습니다.",
           {{"event", "left"}, {"username", name}, {"userId", who.user_id}});
}

void chat_room::rename(room_context& room, const member& who,
                       const actors::application_message& command) {
  auto wished = command.fields.string("username");
  auto name = wished ? clean_name(*wished) : std::nullopt;
  if (!name)
    return room.refuse(protocol::errc::bad_request, name_rule);
  auto old = std::exchange(people_.at(who.key).name, *name);
  announce(room, old + "님이 " + *name + "(으)로 이름을 변경했습니다.",
           {{"event", "renamed"}, {"username", *name}, {"oldName", old}, {"userId", who.user_id}});
  room.broadcast({"userRenamed",
                  {{"userId", who.user_id}, {"username", *name}, {"oldName", old}},
                  {},
                  false,
                  false});
}

void chat_room::say(room_context& room, const member& who,
                    const actors::application_message& command) {
  auto text = command.fields.string("text");
  if (!text)
    return room.refuse(protocol::errc::bad_request, "text: a string");
  auto timestamp = protocol::iso_8601(room.now());
  room.broadcast(
    {"chat",
     {{"username", people_.at(who.key).name}, {"message", *text}, {"timestamp", timestamp}},
     {{"userId", who.user_id}},
     true,
     true});
}

void chat_room::tell_typing(room_context& room, const member& who) {
  room.broadcast_except(
    who.key,
    {"typing", {{"username", people_.at(who.key).name}}, {{"userId", who.user_id}}, true, false});
}

void chat_room::send_roster(room_context& room, const member& to) const {
  roster list;
  for (auto& [key, p] : people_) {
    if (list.size() == max_roster_members)
      break;
    list.add(p.user_id, p.name);
  }
  auto members = list.json();
  protocol::raw_value value{protocol::codec::json, members};
  room.send_to(to.key,
               {"roster", {{"members", value}, {"userCount", people_.size()}}, {}, false, false});
}

} // namespace troupe::examples
