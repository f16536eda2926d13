#include "wire_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace troupe::test {

namespace {

constexpr std::string_view flush_tail{"\0\0\xff\xff", 4};

std::string inflated(std::string bytes) {
  bytes.append(flush_tail);
  std::string out(1 << 20, '\0');
  z_stream z{};
  ::inflateInit2(&z, -15);
  z.next_in = reinterpret_cast<Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ::inflate(&z, Z_SYNC_FLUSH);
  out.resize(z.total_out);
  ::inflateEnd(&z);
  return out;
}

std::string deflated(std::string_view text) {
  std::string out(text.size() + 64, '\0');
  z_stream z{};
  ::deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ::deflate(&z, Z_SYNC_FLUSH);
  out.resize(z.total_out - flush_tail.size());
  ::deflateEnd(&z);
  return out;
}

bool is_refusal(std::string_view text) {
  auto holds = [text](std::string_view mark) { return text.find(mark) != std::string_view::npos; };
  return holds(R"("type":"error")")
      || holds("\xa4type\xa5"
               "error")
      || holds("roomClosed");
}

std::size_t body_bytes_of(std::string_view head) {
  constexpr std::string_view name = "Content-Length: ";
  auto at = head.find(name);
  return at == std::string_view::npos
         ? 0
         : static_cast<std::size_t>(std::atol(head.data() + at + name.size()));
}

} // namespace

wire_client::wire_client(const way& w)
  : patience_(w.patience), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (w.receive_buffer_bytes > 0)
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &w.receive_buffer_bytes,
                 sizeof w.receive_buffer_bytes);
  int at_once = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  timeval limit{w.patience.count() / 1000, w.patience.count() % 1000 * 1000};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(w.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    shut();
  else if (w.tls)
    shake_hands();
}

void wire_client::shake_hands() {
  // A context is expensive to make.
  static const std::unique_ptr<SSL_CTX, ssl_free> context{SSL_CTX_new(TLS_client_method())};
  ssl_.reset(SSL_new(context.get()));
  SSL_set_fd(ssl_.get(), fd_);
  if (SSL_connect(ssl_.get()) != 1)
    shut();
  ERR_clear_error();
}

wire_client::~wire_client() { shut(); }

void wire_client::shut() noexcept {
  ssl_.reset();
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

bool wire_client::send(std::string_view bytes) {
  while (fd_ >= 0 && !bytes.empty()) {
    auto n = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                  : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    if (n <= 0) { // what the server has sent may still be read
      ERR_clear_error();
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  // The answer is acknowledged at once. Else a server whose sockets are made narrow waits 40 ms for
  // each acknowledgement, that of the next request.
  int at_once = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &at_once, sizeof at_once);
  return bytes.empty();
}

outcome wire_client::read_some() {
  std::array<char, 16 * 1024> buffer;
  if (fd_ < 0)
    return outcome::ended;
  if (!ssl_ || SSL_has_pending(ssl_.get()) == 0) {
    pollfd p{fd_, POLLIN, 0};
    if (::poll(&p, 1, static_cast<int>(patience_.count())) != 1)
      return outcome::silent;
  }
  errno = 0;
  auto n = ssl_ ? SSL_read(ssl_.get(), buffer.data(), buffer.size())
                : static_cast<int>(::recv(fd_, buffer.data(), buffer.size(), 0));
  if (n <= 0) {
    is_reset_ = errno == ECONNRESET;
    ERR_clear_error();
    shut();
    return outcome::ended;
  }
  read_.append(buffer.data(), static_cast<std::size_t>(n));
  return outcome::heard;
}

outcome wire_client::answer(std::string_view mark) {
  auto end = read_.find("\r\n\r\n");
  while (end == std::string::npos || read_.size() < end + 4 + body_bytes_of(read_.substr(0, end))) {
    if (auto o = read_some(); o != outcome::heard)
      return o;
    end = read_.find("\r\n\r\n");
  }
  auto whole = read_.substr(0, end + 4 + body_bytes_of(read_.substr(0, end)));
  read_.erase(0, whole.size());
  return whole.find(mark) == std::string::npos ? outcome::refused : outcome::heard;
}

outcome wire_client::upgrade(std::string_view path, std::string_view headers) {
  send("GET " + std::string{path}
       + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
       + std::string{headers} + "\r\n");
  return answer("101 Switching");
}

void wire_client::frame(unsigned char first, std::string_view payload) {
  std::string f{static_cast<char>(first)};
  if (payload.size() < 126) {
    f += static_cast<char>(0x80 | payload.size());
  } else {
    f += static_cast<char>(0x80 | 126);
    f += static_cast<char>(payload.size() >> 8);
    f += static_cast<char>(payload.size() & 0xff);
  }
  f.append(4, '\0'); // a mask of zeros is valid
  send(f.append(payload));
}

void wire_client::deflated_text(std::string_view payload) { frame(0xc1, deflated(payload)); }

outcome wire_client::next_frame(unsigned char& first, std::string& payload) {
  auto byte = [this](std::size_t i) { return static_cast<unsigned char>(read_[i]); };
  std::size_t head = 2, size = 0;
  for (;;) {
    if (read_.size() >= 4) {
      size = byte(1);
      head = size == 126 ? 4 : size == 127 ? 10 : 2;
      if (size == 126)
        size = std::size_t{byte(2)} << 8 | byte(3);
      else if (size == 127 && read_.size() >= head)
        size = std::size_t{byte(6)} << 24 | std::size_t{byte(7)} << 16 | std::size_t{byte(8)} << 8
             | byte(9);
    } else if (read_.size() >= 2) {
      size = byte(1);
    }
    if (read_.size() >= head && read_.size() >= 2 && read_.size() >= head + size)
      break;
    if (auto o = read_some(); o != outcome::heard)
      return o;
  }
  first = byte(0);
  payload = read_.substr(head, size);
  read_.erase(0, head + size);
  return outcome::heard;
}

outcome wire_client::await(std::string_view mark) {
  unsigned char first = 0;
  std::string payload;
  for (;;) {
    if (auto o = next_frame(first, payload); o != outcome::heard)
      return o;
    if ((first & 0x0f) == 8) {
      frame(0x88, payload.substr(0, 2));
      return await_end() == outcome::heard ? outcome::ended : outcome::silent;
    }
    if (first & 0x40)
      payload = inflated(std::move(payload));
    if (is_refusal(payload) && !is_refusal(mark))
      return outcome::refused;
    if (payload.find(mark) != std::string::npos)
      return outcome::heard;
  }
}

std::string wire_client::await_close() {
  unsigned char first = 0;
  std::string payload;
  while (next_frame(first, payload) == outcome::heard)
    if ((first & 0x0f) == 8 && payload.size() >= 2) {
      auto byte = [&](std::size_t i) { return static_cast<unsigned char>(payload[i]); };
      return std::to_string(byte(0) << 8 | byte(1)) + ' ' + payload.substr(2);
    }
  return "none";
}

outcome wire_client::await_end() {
  auto o = read_some();
  while (o == outcome::heard)
    o = read_some();
  return o == outcome::ended ? outcome::heard : outcome::silent;
}

std::optional<std::string> wire_client::await_fin() {
  auto has_ended = await_end() == outcome::heard;
  return has_ended && !is_reset_ ? std::optional{std::exchange(read_, {})} : std::nullopt;
}

// -- the client's end -----------------------------------------------------------------------------

void wire_client::end_output() {
  if (ssl_)
    SSL_shutdown(ssl_.get());
  cut_output();
}

void wire_client::cut_output() { ::shutdown(fd_, SHUT_WR); }

void wire_client::reset() {
  linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (ssl_)
    SSL_set_quiet_shutdown(ssl_.get(), 1);
  shut();
}

void wire_client::send_for_ever(std::string_view bytes) {
  while (send(bytes)) {}
}

} // namespace troupe::test
