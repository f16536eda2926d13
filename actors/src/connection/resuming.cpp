#include "connection/resuming.hpp"

#include <set>
#include <utility>

namespace troupe::actors {

resuming::resuming(const protocol::command& c, const session_name& name, std::uint64_t arrived,
                   credit token)
  : name_(name),
    arrived_(arrived),
    ref_(c.ref),
    token_(std::move(token)),
    directs_(protocol::document_view{c.source, c.bytes}.unsigned_integer("direct")),
    positions_(protocol::resume_rooms(c)) {
  for (auto& p : positions_)
    by_room_.emplace(p.room_id, &p);
}

const protocol::room_position* resuming::position(std::string_view room) const noexcept {
  auto i = by_room_.find(room);
  return i == by_room_.end() ? nullptr : i->second;
}

void resuming::note(std::string room, std::shared_ptr<const room_return> at) {
  returned_.emplace(std::move(room), std::move(at));
}

void resuming::lose(std::string room, protocol::errc why) {
  lost_.push_back({std::move(room), why});
}

protocol::shared_bytes resuming::frame(protocol::encoding to, std::string_view user_id,
                                       std::string_view client_id,
                                       const std::vector<std::string_view>& rooms,
                                       std::string_view resume,
                                       const protocol::resumed_directs& directs,
                                       protocol::memory_meter* meter) {
  std::vector<protocol::resumed_room> held;
  std::set<std::string_view> told;
  for (auto room : rooms)
    if (auto at = returned_.find(room); at != returned_.end() && at->second) {
      held.push_back({room, at->second->epoch, at->second->seq, at->second->recovered});
      told.insert(room);
    }
  std::vector<protocol::lost_room> gone;
  for (auto& l : lost_)
    if (told.insert(l.room).second)
      gone.push_back({l.room, l.why});
  for (auto& p : positions_)
    if (protocol::is_room_name(p.room_id) && told.insert(p.room_id).second)
      gone.push_back({p.room_id, protocol::errc::not_joined});
  auto stand = directs_ ? std::optional{directs} : std::nullopt;
  return protocol::resumed_frame(to, {ref_, user_id, client_id, held, gone, resume, stand}, meter);
}

} // namespace troupe::actors
