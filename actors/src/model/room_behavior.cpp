#include <troupe/actors/room_behavior.hpp>

#include "model/check_refusal.hpp"

#include <stdexcept>
#include <utility>

namespace troupe::actors {

std::string_view to_string(leave_reason reason) noexcept {
  switch (reason) {
    case leave_reason::left: return "left";
    case leave_reason::disconnected: return "disconnected";
    case leave_reason::kicked: return "kicked";
    case leave_reason::closed: return "closed";
    case leave_reason::forbidden: return "forbidden";
  }
  return "left";
}

join_decision join_decision::refuse(protocol::errc code, std::string why) {
  check_refusal("join_decision::refuse", code);
  return {code, std::move(why)};
}

join_decision join_decision::refuse(std::string why) {
  return refuse(protocol::errc::forbidden, std::move(why));
}

join_decision join_decision::accept_in_place_of(session_key who, std::string message) {
  return {protocol::errc::ok, std::move(message), who};
}

join_decision room_behavior::authorize_join(room_context&, const member&) {
  return join_decision::accept();
}

bool room_behavior::on_profile(room_context&, const member&, const protocol::document_view&) {
  return true;
}

void room_behavior::on(std::string type, handler f) {
  auto fail = [&](const char* why) { throw std::invalid_argument{"on(\"" + type + "\"): " + why}; };
  if (!protocol::is_application_type(type))
    fail("messages of this type never reach a handler; they are built in, or cannot be");
  if (type.starts_with('$'))
    fail("types that start with $ are kept for later versions of the protocol");
  if (!f)
    fail("the handler is empty");
  if (handlers_.contains(type))
    fail("there is a handler of this type already");
  handlers_.emplace(std::move(type), std::move(f));
}

void room_behavior::on_return(room_context& room, const member& now, const member& former) {
  on_leave(room, former, leave_reason::disconnected);
  on_join(room, now);
}

void room_behavior::on_message(room_context& room, const member& from,
                               const application_message& message) {
  auto i = handlers_.find(message.type);
  if (i == handlers_.end())
    room.refuse(protocol::errc::unknown_type);
  else
    i->second(room, from, message);
}

} // namespace troupe::actors
