#include "envelope/envelope.hpp"
#include "envelope/validate.hpp"
#include "envelope/values.hpp"

#include <algorithm>
#include <utility>

namespace troupe::protocol {

namespace {

/// One entry of `rooms`; nothing if it is no such entry.
std::optional<room_position> read_room_position(codec source, std::string_view raw) {
  if (kind_of(source, raw) != value_kind::map)
    return std::nullopt;
  auto room_id = read_string(source, find_field(source, raw, "roomId"));
  auto epoch = read_string(source, find_field(source, raw, "epoch"));
  const auto seq = read_unsigned(source, find_field(source, raw, "seq"));
  if (!room_id || !epoch || !seq)
    return std::nullopt;
  return room_position{std::move(*room_id), std::move(*epoch), *seq};
}

/// All entries of `rooms`; nothing if it is no list of them.
std::optional<std::vector<room_position>> read_room_positions(codec source, std::string_view raw) {
  std::vector<room_position> all;
  const bool good = for_each_element(source, raw, [&](std::string_view element) {
    auto position = read_room_position(source, element);
    if (position)
      all.push_back(std::move(*position));
    return position.has_value();
  });
  return good ? std::optional{std::move(all)} : std::nullopt;
}

} // namespace

envelope_reader::problem envelope_reader::read_resume() const {
  if (!is_string("resume"))
    return "resume is a string";
  if (const auto direct = fields_.find("direct");
      !direct.empty() && !read_unsigned(source_, direct))
    return "direct is an unsigned integer";
  const auto raw = fields_.find("rooms");
  if (raw.empty())
    return nullptr;
  auto rooms = read_room_positions(source_, raw);
  if (!rooms)
    return "rooms is a list of {roomId: a string, epoch: a string, seq: an unsigned integer}";
  std::ranges::sort(*rooms, {}, &room_position::room_id);
  return std::ranges::adjacent_find(*rooms, {}, &room_position::room_id) == rooms->end()
         ? nullptr
         : "rooms names each room once";
}

std::vector<room_position> resume_rooms(const command& c) {
  if (c.kind != command_kind::resume)
    return {};
  return read_room_positions(c.source, find_field(c.source, c.bytes, "rooms"))
    .value_or(std::vector<room_position>{});
}

} // namespace troupe::protocol
