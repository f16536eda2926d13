#include <troupe/protocol/frame.hpp>

#include <troupe/protocol/ws_header.hpp>

#include "text/unicode.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::protocol {

namespace {

constexpr std::uint64_t max_medium_payload = 0xffff;
constexpr std::uint8_t medium_mark = 126;
constexpr std::uint8_t long_mark = 127;
constexpr std::size_t max_close_reason_bytes = 123;

void write_big_endian(char* out, std::uint64_t value, int width) {
  for (int i = width - 1; i >= 0; --i, value >>= 8)
    out[i] = static_cast<char>(value & 0xff);
}

} // namespace

std::size_t write_frame_header(char* out, opcode op, std::uint64_t payload_bytes) noexcept {
  constexpr std::uint8_t final_bit = 0x80;
  out[0] = static_cast<char>(final_bit | static_cast<std::uint8_t>(op));
  if (payload_bytes <= max_control_bytes) {
    out[1] = static_cast<char>(payload_bytes);
    return 2;
  }
  if (payload_bytes <= max_medium_payload) {
    out[1] = static_cast<char>(medium_mark);
    write_big_endian(out + 2, payload_bytes, 2);
    return 4;
  }
  out[1] = static_cast<char>(long_mark);
  write_big_endian(out + 2, payload_bytes, 8);
  return 10;
}

shared_bytes make_frame(opcode op, std::string_view payload, memory_meter* meter) {
  char header[max_frame_header_bytes];
  const auto header_bytes = write_frame_header(header, op, payload.size());
  const std::string_view parts[] = {{header, header_bytes}, payload};
  return shared_bytes::concat(parts, meter);
}

shared_bytes make_close_frame(std::uint16_t code, std::string_view reason, memory_meter* meter) {
  char payload[2 + max_close_reason_bytes];
  const auto text = cut_utf8(reason, max_close_reason_bytes);
  write_big_endian(payload, code, 2);
  std::copy(text.begin(), text.end(), payload + 2);
  return make_frame(opcode::close, {payload, 2 + text.size()}, meter);
}

std::size_t frame_length(std::string_view bytes) noexcept {
  assert(bytes.size() >= 2);
  const auto h = ws_header::read(bytes.data());
  return ws_header::bytes(h.second) + static_cast<std::size_t>(h.length);
}

std::string_view frame_payload(std::string_view bytes) noexcept {
  const auto h = ws_header::read(bytes.data());
  return bytes.substr(ws_header::bytes(h.second), static_cast<std::size_t>(h.length));
}

frame_bounds frame_around(std::string_view frames, std::size_t offset) noexcept {
  frame_bounds bounds;
  while (bounds.end < frames.size()) {
    bounds = {bounds.end, bounds.end + frame_length(frames.substr(bounds.end))};
    if (offset < bounds.end)
      return bounds;
  }
  return {frames.size(), frames.size()};
}

} // namespace troupe::protocol
