// How a behaviour finds the members of a user, and what somebody outside says to them.
#include "room/room_core_scope.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::actors {

// -- members --------------------------------------------------------------------------------------

const member* room_core::find_user(std::string_view user_id) const {
  running_room::must_be(*this, "find_user");
  const resident* best = nullptr;
  auto rank = [](const resident& m) { return std::pair{!m.away, m.number}; };
  users_.for_each_session(user_id, [&](const member& m) {
    auto& r = static_cast<const resident&>(m);
    if (!best || rank(*best) < rank(r))
      best = &r;
  });
  return best;
}

void room_core::for_each_session_of(std::string_view user_id,
                                    const std::function<void(const member&)>& f) const {
  running_room::must_be(*this, "for_each_session_of");
  std::vector<const resident*> present; // `f` may kick
  users_.for_each_session(
    user_id, [&](const member& m) { present.push_back(static_cast<const resident*>(&m)); });
  std::sort(present.begin(), present.end(), [](auto* a, auto* b) { return a->number < b->number; });
  for (auto* m : present)
    f(*m);
}

std::size_t room_core::queued_bytes(session_key who) const {
  running_room::must_be(*this, "queued_bytes");
  auto* m = find(who);
  if (!m || m->away)
    return 0;
  if (who.loop == output_.loop())
    return output_.queued_bytes(who);
  auto& reading = queues_.of(who);
  auto bytes = reading->bytes();
  if (reading->ask()) {
    try {
      output_.read_queue(who, reading);
    } catch (...) {
      reading->take_back();
      throw;
    }
  }
  return bytes;
}

// -- from outside ---------------------------------------------------------------------------------

void room_core::outside(const outside_task& task) {
  if (!ending_)
    std::visit([&](auto& work) { carry_out(work, task.token); }, *task.what);
  else if (config_.counters)
    config_.counters->count(protocol::counter::dropped, "no_such_room");
}

/// The room pays for what the function says; its token goes along, so that whoever posts hears when
/// that does not leave as fast.
void room_core::carry_out(posted_function& posted, const credit& token) {
  command_scope scope{*this, payer::room, token};
  auto f = std::exchange(posted.f, nullptr);
  run_hook("a posted function", nullptr, [&] { f(*this); });
}

void room_core::carry_out(const event_for_user& said, const credit& token) {
  command_scope scope{*this, payer_of(token), token};
  auto& event = said.event.event();
  users_.for_each_session(said.user_id, [&](const member& m) {
    if (!m.away)
      send_frame_to(
        static_cast<const resident&>(m),
        application_frame_for(m.encoding, event, said.event.more(), std::nullopt, config_.meter));
  });
}

void room_core::carry_out(const kick_of_user& kicked, const credit& token) {
  command_scope scope{*this, payer_of(token), token};
  for_each_session_of(kicked.user_id, [&](const member& m) { kick(m.key, kicked.message); });
}

// -- bytes ----------------------------------------------------------------------------------------

void room_core::broadcast_binary(const binary_event& event) {
  running_room::must_be(*this, "broadcast_binary");
  say(event, {});
}

void room_core::broadcast_binary_except(std::span<const session_key> who,
                                        const binary_event& event) {
  running_room::must_be(*this, "broadcast_binary_except");
  say(event, exclusion_of(who));
}

void room_core::say(const binary_event& event, const exclusion& except) {
  broadcast_event how{.stored = event.stored,
                      .is_volatile = event.is_volatile,
                      .is_latest = event.is_latest,
                      .key = event.key};
  say_by(
    [&](encoding e, auto seq, auto* meter) {
      return protocol::binary_frame(e, config_.identity->name, {}, seq, event.bytes, meter);
    },
    how, except);
}

void room_core::send_binary_to(session_key who, std::string_view bytes) {
  running_room::must_be(*this, "send_binary_to");
  auto i = members_.find(who);
  if (i != members_.end() && !ended_)
    send_frame_to(i->second, protocol::binary_frame(i->second.encoding, config_.identity->name, {},
                                                    std::nullopt, bytes, config_.meter));
}

// -- all but some ---------------------------------------------------------------------------------

/// Those of them that are members.
room_core::exclusion room_core::exclusion_of(std::span<const session_key> who) const {
  std::vector<session_key> present;
  for (auto key : who)
    if (members_.contains(key))
      present.push_back(key);
  if (present.size() < 2)
    return {present.empty() ? session_key{} : present.front()};
  return {{}, std::make_shared<const std::vector<session_key>>(std::move(present))};
}

/// Which clients `others` are; nobody if there are none.
std::vector<client_id> room_core::clients_of(const exclusion& except) const {
  std::vector<client_id> all;
  if (!except.others)
    return all;
  all.reserve(except.others->size());
  for (auto key : *except.others)
    all.push_back(members_.at(key).client);
  return all;
}

} // namespace troupe::actors
