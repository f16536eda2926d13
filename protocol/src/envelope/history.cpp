#include <troupe/protocol/history.hpp>

#include "envelope/encode.hpp"
#include "msgpack/msgpack_writer.hpp"

#include <troupe/protocol/stored_event.hpp>

#include <utility>

namespace troupe::protocol {

bool history_page::add(const shared_bytes& event) {
  std::string encoded;
  append_event(codec_of(to_), event, encoded);
  if (!events_.empty() && bytes_ + encoded.size() > max_bytes)
    return false;
  bytes_ += encoded.size();
  events_.push_back(std::move(encoded));
  return true;
}

shared_bytes history_page::frame(const context& of, memory_meter* meter) const {
  const auto to = codec_of(to_);
  const auto is_json = to == codec::json;
  std::string list;
  list.reserve(bytes_ + events_.size() + 8);
  if (is_json)
    list.push_back('[');
  else
    msgpack_writer{list}.begin_array(events_.size());
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (is_json && i > 0)
      list.push_back(',');
    list += events_[order_ == order::oldest_first ? i : events_.size() - 1 - i];
  }
  if (is_json)
    list.push_back(']');
  return frame_of(
    to, "history",
    {raw_field("ref", to_, of.ref),
     {"roomId", of.room_id},
     {"epoch", of.epoch},
     raw_field("messages", to_, list),
     {"complete", of.is_complete},
     optional_field("dropped", of.dropped == 0 ? std::nullopt : std::optional{of.dropped})},
    meter);
}

} // namespace troupe::protocol
