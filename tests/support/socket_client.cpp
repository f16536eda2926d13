#include "socket_client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace troupe::test {

using protocol::opcode;

namespace {

// The example of RFC 6455, 1.3.
constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view accept_of_key = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t n = 0;
  for (unsigned char c : bytes)
    n = n << 8 | c;
  return n;
}

/// The header of a server's frame; nothing if `bytes` do not hold all of it.
struct frame_header {
  unsigned char first, second;
  std::size_t header_bytes;
  std::uint64_t payload_bytes;
};

std::optional<frame_header> read_header(std::string_view bytes) {
  if (bytes.size() < 2)
    return std::nullopt;
  frame_header h{static_cast<unsigned char>(bytes[0]), static_cast<unsigned char>(bytes[1]), 2, 0};
  h.payload_bytes = h.second & 0x7f;
  std::size_t more = h.payload_bytes == 127 ? 8 : h.payload_bytes == 126 ? 2 : 0;
  if (bytes.size() < 2 + more)
    return std::nullopt;
  if (more > 0)
    h.payload_bytes = big_endian(bytes.substr(2, more));
  h.header_bytes += more;
  return h;
}

bool says(std::string_view head, std::string_view name, std::string_view value) {
  return head.find("\r\n" + std::string{name} + ": " + std::string{value} + "\r\n")
      != std::string_view::npos;
}

} // namespace

socket_client::socket_client(socket_poller& poller, socket_events& events, std::uint16_t port,
                             std::string_view subprotocol)
  : poller_(poller),
    events_(events),
    subprotocol_(subprotocol),
    fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
    mask_(static_cast<std::uint32_t>(fd_) * 2'654'435'761U | 1U) {
  if (fd_ < 0)
    throw_errno("socket");
  int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    throw_errno("connect");
  poller_.watch(*this, EPOLL_CTL_ADD, true);
}

// -- out ------------------------------------------------------------------------------------------

void socket_client::say(std::string_view payload, bool binary) {
  if (state_ == state::open && !ended())
    append_frame(binary ? opcode::binary : opcode::text, payload);
}

void socket_client::append_frame(opcode op, std::string_view payload) {
  mask_ ^= mask_ << 13;
  mask_ ^= mask_ >> 17;
  mask_ ^= mask_ << 5;
  char header[protocol::max_frame_header_bytes];
  auto length = protocol::write_frame_header(header, op, payload.size());
  header[1] = static_cast<char>(header[1] | 0x80);
  out_.append(header, length);
  std::array<char, 4> mask;
  std::memcpy(mask.data(), &mask_, mask.size());
  out_.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < payload.size(); ++i)
    out_ += static_cast<char>(payload[i] ^ mask[i % 4]);
}

void socket_client::flush() {
  if (ended() || state_ == state::connecting)
    return;
  while (!out_.empty()) {
    auto n = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break; // the socket is full, or broken, which reading will tell
    out_.erase(0, static_cast<std::size_t>(n));
  }
  watch_writable(!out_.empty());
}

void socket_client::close(std::uint16_t code) {
  if (state_ != state::open || ended())
    return;
  char payload[] = {static_cast<char>(code >> 8), static_cast<char>(code)};
  append_frame(opcode::close, {payload, sizeof payload});
  state_ = state::closing;
  flush();
}

void socket_client::drop() {
  if (!ended())
    ::close(std::exchange(fd_, -1));
}

void socket_client::reset() {
  if (ended())
    return;
  linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  drop();
}

void socket_client::watch_writable(bool on) {
  if (std::exchange(watching_writable_, on) != on)
    poller_.watch(*this, EPOLL_CTL_MOD, on);
}

// -- in -------------------------------------------------------------------------------------------

void socket_client::on_ready(std::uint32_t events, std::vector<char>& buffer) {
  if (state_ == state::connecting && !ended())
    on_connected();
  if (events & EPOLLOUT)
    flush();
  if (ended() || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
    return;
  auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (n > 0)
    on_bytes({buffer.data(), static_cast<std::size_t>(n)});
  else if (n == 0 || (errno != EAGAIN && errno != EINTR))
    finish();
}

void socket_client::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0)
    return fail(std::string{"connect: "} + std::strerror(error));
  state_ = state::upgrading;
  out_ = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: "
         "Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  out_.append("Sec-WebSocket-Key: ").append(key).append("\r\n");
  if (!subprotocol_.empty())
    out_.append("Sec-WebSocket-Protocol: ").append(subprotocol_).append("\r\n");
  out_ += "\r\n";
  flush();
}

void socket_client::on_bytes(std::string_view bytes) {
  std::string whole;
  if (!in_.empty()) {
    whole = std::exchange(in_, {});
    whole.append(bytes);
    bytes = whole;
  }
  if (state_ == state::upgrading)
    bytes = take_answer(bytes);
  if (state_ != state::upgrading && !ended())
    bytes = take_frames(bytes);
  in_.assign(bytes);
}

std::string_view socket_client::take_answer(std::string_view bytes) {
  auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos)
    return bytes;
  auto head = bytes.substr(0, end + 2);
  bool agreed = subprotocol_.empty() ? head.find("Sec-WebSocket-Protocol") == std::string_view::npos
                                     : says(head, "Sec-WebSocket-Protocol", subprotocol_);
  if (!head.starts_with("HTTP/1.1 101 ") || !says(head, "Sec-WebSocket-Accept", accept_of_key)
      || !agreed) {
    fail("not an upgrade: " + std::string{head});
    return {};
  }
  state_ = state::open;
  events_.on_open();
  return bytes.substr(end + 4);
}

std::string_view socket_client::take_frames(std::string_view bytes) {
  while (!ended()) {
    auto h = read_header(bytes);
    if (!h)
      break;
    if (close_came_ || (h->first & 0xf0) != 0x80 || (h->second & 0x80) != 0) {
      fail(close_came_ ? "a frame after the close frame"
                       : "a frame that is a fragment, masked or has reserved bits set");
      break;
    }
    if (bytes.size() - h->header_bytes < h->payload_bytes)
      break;
    auto payload = bytes.substr(h->header_bytes, h->payload_bytes);
    bytes.remove_prefix(h->header_bytes + payload.size());
    on_frame(static_cast<opcode>(h->first & 0x0f), payload);
  }
  return bytes;
}

void socket_client::on_frame(opcode op, std::string_view payload) {
  switch (op) {
    case opcode::text:
    case opcode::binary: return events_.on_message(op == opcode::binary, payload);
    case opcode::close: return on_close_frame(payload);
    case opcode::pong: return;
    case opcode::ping:
      if (state_ == state::open) {
        append_frame(opcode::pong, payload);
        flush();
      }
      return;
    default: return fail("a frame of opcode " + std::to_string(static_cast<int>(op)));
  }
}

/// Answers the close frame, and lets the server end the connection (RFC 6455, 7.1.1).
void socket_client::on_close_frame(std::string_view payload) {
  close_came_ = true;
  end_.code =
    payload.size() < 2 ? 1005 : static_cast<std::uint16_t>(big_endian(payload.substr(0, 2)));
  end_.reason = payload.size() < 2 ? std::string{} : std::string{payload.substr(2)};
  if (state_ == state::open)
    append_frame(opcode::close, payload.substr(0, 2));
  state_ = state::closing;
  flush();
}

void socket_client::fail(std::string what) {
  end_.fault = std::move(what);
  finish();
}

void socket_client::finish() {
  drop();
  events_.on_end(end_);
}

// -- poller ---------------------------------------------------------------------------------------

socket_poller::socket_poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(256 * 1024) {
  if (epoll_ < 0)
    throw_errno("epoll_create1");
}

socket_poller::~socket_poller() { ::close(epoll_); }

void socket_poller::run(int timeout_ms) {
  std::array<epoll_event, 256> ready;
  auto n = ::epoll_wait(epoll_, ready.data(), ready.size(), timeout_ms);
  for (int i = 0; i < n; ++i) {
    auto& e = ready[static_cast<std::size_t>(i)];
    static_cast<socket_client*>(e.data.ptr)->on_ready(e.events, buffer_);
  }
}

void socket_poller::watch(socket_client& client, int operation, bool writable) {
  epoll_event e{};
  e.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
  e.data.ptr = &client;
  if (::epoll_ctl(epoll_, operation, client.fd_, &e) != 0)
    throw_errno("epoll_ctl");
}

} // namespace troupe::test
