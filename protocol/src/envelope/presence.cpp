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

std::string presence_page::list() const {
  std::string all;
  if (codec_of(to_) == codec::json) {
    all.append("[").append(entries_).append("]");
  } else {
    msgpack_writer{all}.begin_array(users_);
    all.append(entries_);
  }
  return all;
}

shared_bytes presence_page::frame(const context& of, memory_meter* meter) const {
  const auto members = list();
  return frame_of(codec_of(to_), "presence",
                  {raw_field("ref", to_, of.ref),
                   {"roomId", of.room_id},
                   raw_field("members", to_, members),
                   {"total", of.total},
                   {"complete", of.is_complete}},
                  meter);
}

} // namespace troupe::protocol
