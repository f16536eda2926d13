#include <troupe/protocol/presence.hpp>

#include "envelope/encode.hpp"
#include "msgpack/msgpack_writer.hpp"

namespace troupe::protocol {

namespace {

/// How many more bytes of entries fit behind `used`: the first entry always does.
std::size_t left_behind(std::size_t used) {
  if (used == 0)
    return std::string{}.max_size();
  return used < max_presence_bytes ? max_presence_bytes - used : 0;
}

/// A field that is left out unless it is true.
field flag(std::string_view key, bool value) { return {value ? key : std::string_view{}, true}; }

} // namespace

bool map_list::add(std::initializer_list<field> fields, std::size_t most) {
  const auto before = maps_.size();
  if (count_ > 0 && codec_of(to_) == codec::json)
    maps_.push_back(',');
  append_message(codec_of(to_), {{}, {fields.begin(), fields.size()}, {}, {}}, maps_);
  if (maps_.size() - before > most) {
    maps_.resize(before);
    return false;
  }
  ++count_;
  return true;
}

std::string map_list::array() const {
  std::string all;
  if (codec_of(to_) == codec::json) {
    all.append("[").append(maps_).append("]");
  } else {
    msgpack_writer{all}.begin_array(count_);
    all.append(maps_);
  }
  return all;
}

bool presence_page::add(const present_user& user) {
  return users_.add(
    {{"userId", user.user_id},
     optional_field("sessions", user.sessions == 1 ? std::nullopt : std::optional{user.sessions}),
     {"profile", user.profile},
     flag("away", user.away)},
    left_behind(users_.bytes()));
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

bool presence_notice::add_joined(std::string_view user_id, const raw_value& profile, bool away) {
  return add(joined_, {{"userId", user_id}, {"profile", profile}, flag("away", away)});
}

bool presence_notice::add_left(std::string_view user_id, std::string_view reason) {
  return add(left_, {{"userId", user_id}, {"reason", reason}});
}

bool presence_notice::add_changed(std::string_view user_id, const raw_value& profile, bool away) {
  return add(changed_, {{"userId", user_id}, {"profile", profile}, flag("away", away)});
}

bool presence_notice::add(map_list& to, std::initializer_list<field> fields) {
  return to.add(fields, left_behind(joined_.bytes() + left_.bytes() + changed_.bytes()));
}

shared_bytes presence_notice::frame(std::string_view room_id, std::uint64_t total,
                                    memory_meter* meter) const {
  if (is_plain(to_))
    return {};
  const auto joined = joined_.array(), left = left_.array(), changed = changed_.array();
  return frame_of(codec_of(to_), "$presence",
                  {{"roomId", room_id},
                   raw_field("joined", to_, joined),
                   raw_field("left", to_, left),
                   raw_field("changed", to_, changed),
                   {"total", total}},
                  meter);
}

} // namespace troupe::protocol
