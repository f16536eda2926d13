#include <troupe/protocol/event.hpp>

#include "envelope/encode.hpp"
#include "text/scan.hpp"
#include "text/unicode.hpp"

#include <troupe/protocol/frame.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>

namespace troupe::protocol {

namespace {

/// The fields of a broadcast that only the server sets.
constexpr std::string_view server_fields[] = {"type", "roomId", "seq", "ref"};

/// ISO 8601 with milliseconds, which are 0.
std::string date_and_time(std::chrono::sys_seconds at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.000Z", int{date.year()},
                unsigned{date.month()}, unsigned{date.day()},
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

std::string_view name_of(body_field field) { return field == body_field::data ? "data" : "text"; }

} // namespace

bool is_field_name(std::string_view key) noexcept {
  const auto end = std::end(server_fields);
  const auto is_servers = std::find(std::begin(server_fields), end, key) != end;
  return !is_servers && is_inner_key(key);
}

bool is_inner_key(std::string_view key) noexcept {
  return key != proto_key && key != bin_key && is_utf8(key);
}

std::string encode_map(codec to, std::span<const field> fields) {
  std::string out;
  append_message(to, {{}, {}, fields, {}}, out);
  return out;
}

std::string map_of(codec to, const encoded_fields& fields) {
  std::string out;
  append_message(to, {{}, {}, {}, {}, fields}, out);
  return out;
}

std::string iso_8601(wall_time at) {
  // Many calls fall into the same second: then only the last digits change.
  thread_local std::chrono::sys_seconds last_second = std::chrono::sys_seconds::min();
  thread_local std::string text;
  const auto second = std::chrono::floor<std::chrono::seconds>(at);
  if (second != last_second) {
    text = date_and_time(second);
    last_second = second;
  }
  auto ms = static_cast<int>((at - second).count());
  for (auto digit = text.end() - 2; digit != text.end() - 5; --digit, ms /= 10)
    *digit = static_cast<char>('0' + ms % 10);
  return text;
}

shared_bytes encode_frame(codec to, std::string_view type, std::span<const field> fields,
                          memory_meter* meter) {
  return frame_of(to, {type, {}, fields, {server_fields, 1}}, meter);
}

shared_bytes message_frame(encoding to, const message_event& event, memory_meter* meter) {
  const field body{name_of(event.field), event.body};
  if (is_plain(to))
    return frame_of(codec::json, "message", {body, {"userId", event.user_id}}, meter);
  return frame_of(codec_of(to), "message",
                  {{"roomId", event.room_id},
                   {"userId", event.user_id},
                   optional_field("seq", event.seq),
                   {"timestamp", event.timestamp},
                   body},
                  meter);
}

shared_bytes direct_frame(encoding to, const direct_event& event, memory_meter* meter) {
  const field body{name_of(event.field), event.body};
  const auto user = optional_field("userId", event.user_id);
  if (is_plain(to))
    return frame_of(codec::json, "direct", {body, user}, meter);
  return frame_of(codec_of(to), "direct",
                  {user, {"seq", event.seq}, {"timestamp", event.timestamp}, body}, meter);
}

shared_bytes joined_frame(encoding to, const joined_event& event, memory_meter* meter) {
  const auto ref = raw_field("ref", to, event.ref);
  if (is_plain(to))
    return frame_of(codec::json, "joined", {ref, {"roomId", event.room_id}}, meter);
  return frame_of(codec_of(to), "joined",
                  {ref,
                   {"roomId", event.room_id},
                   {"userId", event.user_id},
                   {"epoch", event.epoch},
                   {"seq", event.seq},
                   {event.recovered ? "recovered" : "", event.recovered.value_or(false)},
                   raw_field("members", to, event.members),
                   {event.members.empty() ? "" : "total", event.total}},
                  meter);
}

shared_bytes left_frame(encoding to, std::string_view room_id, std::uint64_t seq,
                        std::string_view reason, std::string_view message, std::string_view ref,
                        memory_meter* meter) {
  if (is_plain(to))
    return {};
  return frame_of(codec_of(to), "left",
                  {raw_field("ref", to, ref),
                   {"roomId", room_id},
                   {"seq", seq},
                   optional_field("reason", reason),
                   optional_field("message", message)},
                  meter);
}

shared_bytes user_joined_frame(encoding to, std::string_view room_id, std::string_view user_id,
                               raw_value profile, memory_meter* meter) {
  if (is_plain(to))
    return frame_of(codec::json, "userJoined", {{"userId", user_id}}, meter);
  return frame_of(codec_of(to), "userJoined",
                  {{"roomId", room_id}, {"userId", user_id}, {"profile", profile}}, meter);
}

shared_bytes user_left_frame(encoding to, std::string_view room_id, std::string_view user_id,
                             std::string_view reason, memory_meter* meter) {
  if (is_plain(to))
    return frame_of(codec::json, "userLeft", {{"userId", user_id}}, meter);
  return frame_of(codec_of(to), "userLeft",
                  {{"roomId", room_id}, {"userId", user_id}, {"reason", reason}}, meter);
}

shared_bytes profile_frame(encoding to, std::string_view room_id, std::string_view user_id,
                           raw_value profile, memory_meter* meter) {
  if (is_plain(to))
    return {};
  return frame_of(codec_of(to), "$profile",
                  {{"roomId", room_id}, {"userId", user_id}, {"profile", profile}}, meter);
}

shared_bytes away_frame(encoding to, std::string_view room_id, std::string_view user_id, bool away,
                        memory_meter* meter) {
  if (is_plain(to))
    return {};
  return frame_of(codec_of(to), away ? "$away" : "$back",
                  {{"roomId", room_id}, {"userId", user_id}}, meter);
}

shared_bytes request_frame(encoding to, std::string_view room_id, std::string_view request_id,
                           raw_value data, memory_meter* meter) {
  if (is_plain(to))
    return {};
  return frame_of(codec_of(to), "$request",
                  {{"roomId", room_id}, {"requestId", request_id}, {"data", data}}, meter);
}

shared_bytes application_frame(encoding to, std::string_view type, std::string_view room_id,
                               std::optional<std::uint64_t> seq, std::span<const field> fields,
                               memory_meter* meter, const encoded_fields& more) {
  if (is_plain(to))
    return frame_of(codec::json, {type, {}, fields, {server_fields, 1}, more}, meter);
  const std::array head{field{"roomId", room_id}, optional_field("seq", seq)};
  return frame_of(codec_of(to), {type, head, fields, server_fields, more}, meter);
}

shared_bytes binary_frame(encoding to, std::string_view room_id, std::string_view user_id,
                          std::optional<std::uint64_t> seq, std::string_view bytes,
                          memory_meter* meter) {
  const std::array from{field{"roomId", room_id}, optional_field("userId", user_id),
                        optional_field("seq", seq)};
  if (codec_of(to) == codec::msgpack) {
    const std::array data{field{"data", binary_value{bytes}}};
    return frame_of(codec::msgpack, {"binary", from, data, {}}, meter);
  }
  const std::array count{field{"bytes", bytes.size()}};
  auto& announcement = scratch();
  append_message(codec::json, {"binary", from, count, {}}, announcement);
  char headers[2][max_frame_header_bytes];
  const auto text_bytes = write_frame_header(headers[0], opcode::text, announcement.size());
  const auto binary_bytes = write_frame_header(headers[1], opcode::binary, bytes.size());
  const std::string_view parts[] = {
    {headers[0], text_bytes}, announcement, {headers[1], binary_bytes}, bytes};
  return shared_bytes::concat(parts, meter);
}

shared_bytes room_closed_frame(encoding to, std::string_view room_id, std::string_view reason,
                               memory_meter* meter) {
  if (is_plain(to))
    return error_frame(to, {errc::room_closed, {}, {}, {}, room_id, {}}, meter);
  return frame_of(codec_of(to), "roomClosed", {{"roomId", room_id}, {"reason", reason}}, meter);
}

} // namespace troupe::protocol
