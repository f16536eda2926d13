#include <troupe/protocol/event.hpp>

#include "envelope/encode.hpp"

#include <troupe/protocol/presence.hpp>

#include <cmath>
#include <limits>

namespace troupe::protocol {

namespace {

/// A number that is written as an integer if it is one.
field number_field(std::string_view key, double number) {
  constexpr double largest_exact = 9007199254740992.0;
  if (number >= 0 && number <= largest_exact && std::floor(number) == number)
    return {key, static_cast<std::uint64_t>(number)};
  return {key, number};
}

std::string encoded(codec to, const welcome_limits& limits) {
  const std::initializer_list<field> fields = {
    {"maxMessageBytes", limits.max_message_bytes},
    {"maxRooms", limits.max_rooms},
    number_field("messagesPerSecond", limits.messages_per_second),
    {"burstMessages", limits.burst_messages},
    {limits.dedupe > 0 ? "dedupe" : "", limits.dedupe}};
  std::string out;
  append_message(to, {{}, {fields.begin(), fields.size()}, {}, {}}, out);
  return out;
}

/// `[from, to]` in milliseconds.
std::string encoded(codec to, std::chrono::milliseconds from, std::chrono::milliseconds until) {
  const auto json = '[' + std::to_string(from.count()) + ',' + std::to_string(until.count()) + ']';
  std::string out;
  transcode(codec::json, json, to, out);
  return out;
}

constexpr auto whatever_size = std::numeric_limits<std::size_t>::max();

std::string encoded(encoding to, std::span<const resumed_room> rooms) {
  map_list list{to};
  for (const auto& room : rooms)
    list.add({{"roomId", room.room_id},
              {"epoch", room.epoch},
              {"seq", room.seq},
              {"recovered", room.recovered}},
             whatever_size);
  return list.array();
}

std::string encoded(codec to, const std::optional<resumed_directs>& directs) {
  std::string out;
  if (!directs)
    return out;
  const std::initializer_list<field> fields = {{"seq", directs->seq},
                                               {"recovered", directs->recovered}};
  append_message(to, {{}, {fields.begin(), fields.size()}, {}, {}}, out);
  return out;
}

std::string encoded(encoding to, std::span<const lost_room> rooms) {
  map_list list{to};
  for (const auto& room : rooms)
    list.add({{"roomId", room.room_id}, {"code", to_string(room.code)}}, whatever_size);
  return list.array();
}

} // namespace

shared_bytes ack_frame(encoding to, std::string_view ref, std::string_view room_id,
                       std::optional<std::uint64_t> seq, memory_meter* meter, bool is_repeat) {
  return frame_of(codec_of(to), "ack",
                  {raw_field("ref", to, ref),
                   optional_field("roomId", room_id),
                   optional_field("seq", seq),
                   {is_repeat ? "duplicate" : "", true}},
                  meter);
}

shared_bytes error_frame(encoding to, const error_event& event, memory_meter* meter) {
  const auto& row = info(event.code);
  const auto retry_after = event.retry_after.value_or(std::chrono::milliseconds{0}).count();
  return frame_of(codec_of(to), "error",
                  {raw_field("ref", to, event.ref),
                   optional_field("request", event.request),
                   optional_field("roomId", event.room_id),
                   {"code", row.name},
                   {"message", event.detail.empty() ? row.sentence : event.detail},
                   {"retryable", row.retryable},
                   {event.retry_after ? "retryAfterMs" : "", retry_after}},
                  meter);
}

shared_bytes welcome_frame(encoding to, const welcome_event& event, memory_meter* meter) {
  if (is_plain(to))
    return {};
  const auto limits = encoded(codec_of(to), event.limits);
  return frame_of(codec_of(to), "welcome",
                  {{"userId", event.user_id},
                   {"clientId", event.client_id},
                   optional_field("resume", event.resume),
                   {event.resume.empty() ? "" : "resumeMs", event.resume_window.count()},
                   {"heartbeatMs", event.heartbeat.count()},
                   raw_field("limits", to, limits)},
                  meter);
}

shared_bytes resumed_frame(encoding to, const resumed_event& event, memory_meter* meter) {
  if (is_plain(to))
    return {};
  const auto rooms = encoded(to, event.rooms);
  const auto lost = encoded(to, event.lost);
  const auto directs = encoded(codec_of(to), event.directs);
  return frame_of(codec_of(to), "resumed",
                  {raw_field("ref", to, event.ref),
                   {"userId", event.user_id},
                   {"clientId", event.client_id},
                   raw_field("rooms", to, rooms),
                   raw_field("lost", to, lost),
                   {"resume", event.resume},
                   raw_field("direct", to, directs)},
                  meter);
}

shared_bytes pong_frame(encoding to, std::string_view ref, std::string_view timestamp,
                        memory_meter* meter) {
  return frame_of(codec_of(to), "pong", {raw_field("ref", to, ref), {"timestamp", timestamp}},
                  meter);
}

shared_bytes goodbye_frame(
  encoding to, std::string_view reason,
  std::optional<std::pair<std::chrono::milliseconds, std::chrono::milliseconds>> reconnect_after,
  memory_meter* meter) {
  if (is_plain(to))
    return {};
  const auto range = reconnect_after
                     ? encoded(codec_of(to), reconnect_after->first, reconnect_after->second)
                     : std::string{};
  return frame_of(codec_of(to), "goodbye",
                  {{"reason", reason}, raw_field("reconnectAfterMs", to, range)}, meter);
}

} // namespace troupe::protocol
