// What a delivery costs in allocations, over real sockets of a whole server.
#include <utility>

#include "counting_allocator.hpp"

#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;

namespace {

/// One client that allocates nothing once it is connected.
class raw_client {
public:
  explicit raw_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error{"connect"};
    send("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    await("\r\n\r\n", 1);
  }
  raw_client(raw_client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~raw_client() { ::close(fd_); }

  void send(std::string_view bytes) {
    if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error{"send"};
  }

  /// Reads until `mark` has come `times` times. Marks are never cut: one send of the server is one segment here.
  void await(std::string_view mark, int times) {
    std::array<char, 64 * 1024> buffer;
    while (times > 0) {
      pollfd p{fd_, POLLIN, 0};
      if (::poll(&p, 1, 10'000) != 1)
        throw std::runtime_error{"nothing comes"};
      auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (n <= 0)
        throw std::runtime_error{"the server has ended the connection"};
      std::string_view got{buffer.data(), static_cast<std::size_t>(n)};
      for (auto at = got.find(mark); at != std::string_view::npos; at = got.find(mark, at + 1))
        --times;
    }
  }

private:
  int fd_;
};

std::string masked_text(std::string_view payload) {
  std::string frame{'\x81', static_cast<char>(0x80 | payload.size()), 0, 0, 0, 0}; // a mask of zeros is a mask
  return frame.append(payload);
}

/// Allocations of the whole process for one publish to a room of `members`, once all is warm.
std::uint64_t allocations_per_publish(std::size_t members) {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.announce = false;
  options.node.connections.messages_per_second = 0;
  options.node.rooms.history_messages = 0; // a ring's growth is not a delivery's
  server node{options};
  node.start();
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < members; ++i) {
    clients.emplace_back(node.port());
    clients.back().send(masked_text(R"({"type":"join","roomId":"r"})"));
    clients.back().await("joined", 1);
  }
  auto publish = masked_text(R"({"type":"message","text":"hello"})");
  auto round = [&] {
    clients.front().send(publish);
    for (auto& c : clients)
      c.await("\"text\"", 1);
  };
  constexpr int rounds = 50;
  for (int i = 0; i < rounds; ++i)
    round();

  auto before = test::allocations();
  for (int i = 0; i < rounds; ++i)
    round();
  auto spent = test::allocations() - before;

  return (spent + rounds / 2) / rounds;
}

} // namespace

TEST_CASE("a delivery to a member whose socket is writable allocates nothing") {
  // A hundred, so that every publish takes a flush of its own in both.
  auto few = allocations_per_publish(100);
  auto many = allocations_per_publish(400);

  CAPTURE(few, many);
  CHECK(few < 20);
  CHECK(many == few);
}
