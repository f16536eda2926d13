#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::test {

/// A client that allocates nothing after it has connected.
class raw_client {
public:
  /// Connects and sends `first`.
  raw_client(std::uint16_t port, std::string_view first) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error{"connect"};
    send(first);
  }

  /// Connects and upgrades at `/`.
  explicit raw_client(std::uint16_t port) : raw_client(port, upgrade_of("/")) {
    std::array<char, 64 * 1024> buffer;
    if (!read(buffer).starts_with("HTTP/1.1 101"))
      throw std::runtime_error{"no upgrade"};
  }

  /// Connects and upgrades to `troupe.v1.json`, whose clients may be in several rooms.
  [[nodiscard]] static raw_client of_v1(std::uint16_t port) {
    raw_client c{port, upgrade_of("/", "Sec-WebSocket-Protocol: troupe.v1.json\r\n")};
    c.await("welcome");
    return c;
  }

  [[nodiscard]] static std::string upgrade_of(const std::string& target,
                                              const std::string& more = {}) {
    return "GET " + target
         + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
         + more + "\r\n";
  }

  [[nodiscard]] int descriptor() const noexcept { return fd_; }

  /// Reads everything that comes until the server ends the connection.
  [[nodiscard]] std::string read_all() {
    std::string all;
    std::array<char, 64 * 1024> buffer;
    for (;;) {
      auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (n <= 0)
        return all;
      all.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }

  /// Reads that many bytes, or what comes until the server ends the connection; returns how many.
  [[nodiscard]] std::size_t take(std::size_t bytes) {
    std::size_t all = 0;
    std::array<char, 64 * 1024> buffer;
    while (all < bytes) {
      auto n = ::recv(fd_, buffer.data(), std::min(buffer.size(), bytes - all), 0);
      if (n <= 0)
        break;
      all += static_cast<std::size_t>(n);
    }
    return all;
  }
  raw_client(raw_client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~raw_client() { ::close(fd_); }

  void send(std::string_view bytes) {
    if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error{"send"};
  }

  /// Whether there is something to read now: the end, or bytes.
  [[nodiscard]] bool has_ended() const {
    pollfd p{fd_, POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
  }

  /// Reads until `mark` has come `times` times. No read cuts a mark, since one send of the server
  /// is one segment here.
  void await(std::string_view mark, int times = 1) {
    std::array<char, 64 * 1024> buffer;
    while (times > 0) {
      auto got = read(buffer);
      for (auto at = got.find(mark); at != std::string_view::npos; at = got.find(mark, at + 1))
        --times;
    }
  }

  /// Waits until something can be read, and leaves it there.
  void await_input() {
    pollfd p{fd_, POLLIN, 0};
    if (::poll(&p, 1, 10'000) != 1)
      throw std::runtime_error{"nothing comes"};
  }

private:
  std::string_view read(std::array<char, 64 * 1024>& buffer) {
    await_input();
    auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (n <= 0)
      throw std::runtime_error{"the server has ended the connection"};
    return {buffer.data(), static_cast<std::size_t>(n)};
  }

  int fd_;
};

inline std::string masked_text(std::string_view payload) {
  // a mask of zeros is valid
  std::string frame{'\x81', static_cast<char>(0x80 | payload.size()), 0, 0, 0, 0};
  return frame.append(payload);
}

} // namespace troupe::test
