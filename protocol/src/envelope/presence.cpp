#include <troupe/protocol/presence.hpp>

#include "envelope/encode.hpp"
#include "msgpack/msgpack_writer.hpp"

namespace troupe::protocol {

bool presence_page::add(const present_user& user) {
  const std::initializer_list<field> fields = {
    {"userId", user.user_id},
    optional_field("sessions", user.sessions == 1 ? std::nullopt : std::optional{user.sessions}),
    {"profile", user.profile}};
  auto before = entries_.size();
  if (users_ > 0 && codec_of(to_) == codec::json)
    entries_.push_back(',');
  append_message(codec_of(to_), {{}, {fields.begin(), fields.size()}, {}, {}}, entries_);
  if (users_ > 0 && entries_.size() > max_bytes) {
    entries_.resize(before);
    return false;
  }
  ++users_;
  return true;
}

shared_bytes presence_page::frame(const context& of, memory_meter* meter) const {
  auto to = codec_of(to_);
  std::string list;
  if (to == codec::json) {
    list.append("[").append(entries_).append("]");
  } else {
    msgpack_writer{list}.begin_array(users_);
    list.append(entries_);
  }
  return frame_of(to, "presence",
                  {raw_field("ref", to_, of.ref),
                   {"roomId", of.room_id},
                   raw_field("members", to_, list),
                   {"total", of.total},
                   {"complete", of.is_complete}},
                  meter);
}

} // namespace troupe::protocol
