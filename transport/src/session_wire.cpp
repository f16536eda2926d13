#include "session_wire.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace troupe::transport {

using protocol::errc;

pulse_frame first_pulse(std::string_view bytes) {
  constexpr std::size_t head = 6; // two bytes and the mask
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < head || (byte(0) != 0x89 && byte(0) != 0x8a) || byte(1) < 0x80 || byte(1) > 0x80 + 125)
    return {};
  std::size_t length = byte(1) & 0x7f;
  if (bytes.size() < head + length)
    return {};
  pulse_frame f{static_cast<protocol::opcode>(byte(0) & 0x0f), std::string{bytes.substr(head, length)}, head + length};
  for (std::size_t i = 0; i < length; ++i)
    f.payload[i] = static_cast<char>(static_cast<unsigned char>(f.payload[i]) ^ byte(2 + i % 4));
  return f;
}

bool can_deflate_for(std::string_view offers) { return offers.find("server_max_window_bits=8") == std::string_view::npos; }

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

ssize_t socket_writer::operator()(const iovec* parts, int count) const {
  ssize_t n;
  do {
    if (count == 1) {
      n = ::send(fd_, parts->iov_base, parts->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
      msghdr m{};
      m.msg_iov = const_cast<iovec*>(parts);
      m.msg_iovlen = static_cast<std::size_t>(count);
      n = ::sendmsg(fd_, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
    return 0;
  return n;
}

} // namespace troupe::transport
