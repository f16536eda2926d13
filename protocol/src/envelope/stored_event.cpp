#include <troupe/protocol/stored_event.hpp>

#include "envelope/encode.hpp"
#include "envelope/values.hpp"

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/frame.hpp>

#include <array>

namespace troupe::protocol {

namespace {

/// Appends a binary message that is kept as its announcement and its bytes.
void append_announced(codec to, std::string_view announcement, std::string_view bytes,
                      std::string& out) {
  const document_view from{codec::json, announcement};
  auto same = [&](std::string_view key) {
    return field{key, raw_value{codec::json, from.raw(key)}};
  };
  const std::array head{same("roomId"), same("userId"), same("seq")};
  const std::array data{field{"data", binary_value{bytes}}};
  append_message(to, {"binary", head, data, {}}, out);
}

/// The two adjacent frames of a binary message that is kept as one map.
shared_bytes announced(const document_view& event, memory_meter* meter) {
  const auto room = event.string("roomId"), user = event.string("userId");
  const auto seq = read_unsigned(codec::msgpack, event.raw("seq"));
  return binary_frame(encoding::v1_json, room.value_or(""), user.value_or(""), seq.value_or(0),
                      binary_bytes(event.raw("data")), meter);
}

} // namespace

codec codec_of(const shared_bytes& event) noexcept {
  constexpr char opcode_bits = 0x0f;
  return (*event.data() & opcode_bits) == static_cast<char>(opcode::text) ? codec::json
                                                                          : codec::msgpack;
}

void append_event(codec to, const shared_bytes& event, std::string& out) {
  const auto all = event.view();
  const auto first = frame_payload(all);
  if (const auto length = frame_length(all); length < all.size())
    append_announced(to, first, frame_payload(all.substr(length)), out);
  else
    transcode(codec_of(event), first, to, out);
}

shared_bytes event_frames(codec to, const shared_bytes& event, memory_meter* meter) {
  const auto from = codec_of(event);
  if (from == to)
    return event;
  if (from == codec::msgpack) {
    // No application has an event of this type.
    const document_view map{from, frame_payload(event.view())};
    if (map.string("type") == "binary")
      return announced(map, meter);
  }
  std::string payload;
  append_event(to, event, payload);
  return make_frame(to == codec::json ? opcode::text : opcode::binary, payload, meter);
}

} // namespace troupe::protocol
