#include "messages/owned_event.hpp"

namespace troupe::actors {

owned_event::owned_event(const broadcast_event& event, const protocol::encoded_by_codec& more)
  : more_(more) {
  for (auto& in_codec : more_)
    in_codec.bytes = keep(in_codec.bytes);
  event_.type = keep(event.type);
  event_.fields = keep(event.fields);
  event_.v1_fields = keep(event.v1_fields);
  event_.plain = event.plain;
  event_.stored = event.stored;
  event_.is_volatile = event.is_volatile;
  event_.is_latest = event.is_latest;
  event_.key = keep(event.key);
}

std::string_view owned_event::keep(std::string_view text) {
  bytes_ += text.size();
  return texts_.emplace_back(text);
}

std::vector<protocol::field> owned_event::keep(const std::vector<protocol::field>& fields) {
  auto kept = fields;
  for (auto& f : kept) {
    f.key = keep(f.key);
    bytes_ += sizeof(protocol::value);
    if (auto* text = std::get_if<std::string_view>(&f.val))
      *text = keep(*text);
    else if (auto* raw = std::get_if<protocol::raw_value>(&f.val))
      raw->bytes = keep(raw->bytes);
    else if (auto* bin = std::get_if<protocol::binary_value>(&f.val))
      bin->bytes = keep(bin->bytes);
    else if (auto* list = std::get_if<protocol::string_list>(&f.val)) {
      for (auto& s : *list)
        bytes_ += s.size();
      *list = lists_.emplace_back(list->begin(), list->end());
    }
  }
  return kept;
}

} // namespace troupe::actors
