#include "session_wire.hpp"

#include <cstring>

namespace troupe::transport {

using protocol::errc;

whole_frame first_whole_frame(std::string_view bytes) noexcept {
  constexpr unsigned char final_bit = 0x80, mask_bit = 0x80;
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  whole_frame f;
  if (bytes.size() < 2 + f.mask.size() || !(byte(1) & mask_bit))
    return {};
  f.op = static_cast<protocol::opcode>(byte(0) ^ final_bit); // no opcode at all if it is a fragment, or has reserved bits
  auto is_pulse = f.op == protocol::opcode::ping || f.op == protocol::opcode::pong;
  if (!is_pulse && !f.is_message())
    return {};
  std::size_t length = byte(1) & 0x7f;
  std::size_t head = 2;
  if (length > 125) {
    if (is_pulse || length == 127) // nothing of 64 KiB comes whole
      return {};
    length = std::size_t{byte(2)} << 8 | byte(3);
    head = 4;
    if (length <= 125)
      return {};
  }
  f.bytes = head + f.mask.size() + length;
  if (bytes.size() < f.bytes)
    return {};
  std::memcpy(f.mask.data(), bytes.data() + head, f.mask.size());
  f.masked = bytes.substr(head + f.mask.size(), length);
  return f;
}

protocol::shared_bytes whole_frame::payload() const {
  auto bytes = protocol::shared_bytes::make(masked.size(), nullptr, [this](char* out) {
    std::uint64_t key;
    std::memcpy(&key, mask.data(), sizeof mask);
    std::memcpy(reinterpret_cast<char*>(&key) + sizeof mask, mask.data(), sizeof mask);
    auto* in = masked.data();
    auto left = masked.size();
    for (; left >= sizeof key; left -= sizeof key, in += sizeof key, out += sizeof key) {
      std::uint64_t word;
      std::memcpy(&word, in, sizeof word);
      word ^= key;
      std::memcpy(out, &word, sizeof word);
    }
    for (std::size_t i = 0; i < left; ++i)
      out[i] = static_cast<char>(in[i] ^ mask[i % sizeof mask]);
  });
  if (op == protocol::opcode::text && !is_utf8(bytes.view()))
    return {};
  return bytes;
}

bool can_deflate_for(std::string_view offers) {
  return offers.find("permessage-deflate") != std::string_view::npos && offers.find("server_max_window_bits=8") == std::string_view::npos;
}

bool takes_deflated_frames(std::string_view extensions) {
  constexpr std::string_view window = "server_max_window_bits=";
  if (extensions.find("permessage-deflate") == std::string_view::npos)
    return false;
  auto at = extensions.find(window);
  return at == std::string_view::npos || extensions.substr(at + window.size()).starts_with("15");
}

errc close_reason_of(std::string_view frame) {
  constexpr unsigned first_undefined_code = 5000;
  if (frame.size() < 4)
    return errc::ok;
  auto code = static_cast<unsigned>(static_cast<unsigned char>(frame[2])) << 8 | static_cast<unsigned char>(frame[3]);
  if (code >= first_undefined_code)
    return errc::protocol_error;
  for (auto why : {errc::protocol_error, errc::undecodable, errc::too_big})
    if (frame.size() == 4 && code == info(why).close_code)
      return why;
  return errc::ok;
}

ssize_t socket_writer::gather(const iovec* parts, int count) const {
  msghdr m{};
  m.msg_iov = const_cast<iovec*>(parts);
  m.msg_iovlen = static_cast<std::size_t>(count);
  auto n = ::sendmsg(fd_, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
  return n >= 0 ? n : after_error(errno, parts, count);
}

ssize_t socket_writer::after_error(int error, const iovec* parts, int count) const {
  if (error == EINTR)
    return gather(parts, count);
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ? 0 : -1;
}

} // namespace troupe::transport
