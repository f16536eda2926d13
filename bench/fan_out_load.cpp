// fan_out_load PORT PID ROOMS MEMBERS IN_FLIGHT PAYLOAD_BYTES SECONDS
//
// Closed-loop fan-out load for one server on 127.0.0.1: in each room one member keeps IN_FLIGHT messages under way and sends the
// next one when its own copy of one comes back. Prints one line: deliveries, seconds, server CPU seconds (user and system of PID),
// CPU nanoseconds per delivery. The clock covers the steady part only: joins and the first half second are left out.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

struct connection {
  int fd = -1;
  bool publisher = false;
  std::string held;        ///< a header cut by the end of a read
  std::uint64_t skip = 0;  ///< payload bytes still to come
  std::uint64_t frames = 0;
};

std::string masked_text(const std::string& payload) {
  std::string frame(1, '\x81');
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size());
  }
  return frame + std::string(4, '\0') + payload; // a zero mask is a mask
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0)
      throw std::runtime_error{"send: " + std::string{std::strerror(errno)}};
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

int open_socket(int port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0
      || ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    throw std::runtime_error{"connect: " + std::string{std::strerror(errno)}};
  send_all(fd, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Protocol: troupe.v1.json\r\n\r\n");
  std::string answer;
  char c;
  while (answer.size() < 4 || answer.compare(answer.size() - 4, 4, "\r\n\r\n") != 0) {
    if (::recv(fd, &c, 1, 0) != 1)
      throw std::runtime_error{"the server ended the handshake: " + answer};
    answer += c;
  }
  if (answer.find(" 101 ") == std::string::npos)
    throw std::runtime_error{"no upgrade: " + answer};
  return fd;
}

/// Counts the frames in what was read; payloads are skipped, not looked at.
std::uint64_t count_frames(connection& c, const char* p, std::size_t n) {
  std::uint64_t frames = 0;
  while (n > 0) {
    if (c.skip > 0) {
      auto take = c.skip < n ? c.skip : n;
      c.skip -= take;
      p += take;
      n -= take;
      frames += c.skip == 0;
      continue;
    }
    c.held += *p++;
    --n;
    if (c.held.size() < 2)
      continue;
    auto length = static_cast<unsigned char>(c.held[1]) & 0x7f;
    std::size_t header = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (c.held.size() < header)
      continue;
    std::uint64_t size = length < 126 ? static_cast<std::uint64_t>(length) : 0;
    for (std::size_t i = 2; i < header; ++i)
      size = size << 8 | static_cast<unsigned char>(c.held[i]);
    c.held.clear();
    c.skip = size;
    frames += size == 0;
  }
  return frames;
}

double cpu_seconds(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto at = text.rfind(')');
  if (at == std::string::npos)
    throw std::runtime_error{"no process " + std::to_string(pid)};
  const char* p = text.c_str() + at + 2;
  for (int field = 3; field < 14; ++field)
    p = std::strchr(p, ' ') + 1;
  char* end;
  auto user = std::strtoull(p, &end, 10);
  auto system = std::strtoull(end, nullptr, 10);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

class load {
public:
  load(int port, int rooms, int members, int in_flight, std::size_t payload)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), in_flight_(in_flight) {
    for (int r = 0; r < rooms; ++r) {
      auto room = "room" + std::to_string(r);
      publishes_.push_back(masked_text(R"({"type":"message","roomId":")" + room + R"(","text":")" + std::string(payload, 'x')
                                       + "\"}"));
      for (int m = 0; m < members; ++m)
        add(port, room, m == 0);
    }
  }

  /// Reads until nothing has come for a while: the joins are over.
  void settle() {
    while (poll(300) > 0) {
    }
  }

  void start() {
    for (std::size_t i = 0, room = 0; i < all_.size(); ++i)
      if (all_[i].publisher) {
        running_ = true;
        for (int k = 0; k < in_flight_; ++k)
          send_all(all_[i].fd, publishes_[room]);
        ++room;
      }
  }

  std::uint64_t run(std::chrono::duration<double> time) {
    std::uint64_t frames = 0;
    for (auto until = steady::now() + std::chrono::duration_cast<steady::duration>(time); steady::now() < until;)
      frames += poll(100);
    return frames;
  }

private:
  void add(int port, const std::string& room, bool publisher) {
    connection c;
    c.fd = open_socket(port);
    c.publisher = publisher;
    send_all(c.fd, masked_text(R"({"type":"join","roomId":")" + room + "\"}"));
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.u64 = all_.size();
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e);
    room_of_.push_back(publishes_.size() - 1);
    all_.push_back(std::move(c));
    if (all_.size() % 64 == 0)
      poll(0);
  }

  std::uint64_t poll(int timeout_ms) {
    epoll_event ready[256];
    auto n = ::epoll_wait(epoll_, ready, 256, timeout_ms);
    std::uint64_t frames = 0;
    for (int i = 0; i < n; ++i)
      frames += read(ready[i].data.u64);
    return frames;
  }

  std::uint64_t read(std::uint64_t index) {
    auto& c = all_[index];
    auto n = ::recv(c.fd, buffer_, sizeof buffer_, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
      throw std::runtime_error{"the server ended a connection"};
    if (n < 0)
      return 0;
    auto frames = count_frames(c, buffer_, static_cast<std::size_t>(n));
    if (running_ && c.publisher)
      for (std::uint64_t k = 0; k < frames; ++k)
        send_all(c.fd, publishes_[room_of_[index]]);
    return frames;
  }

  int epoll_;
  int in_flight_;
  bool running_ = false;
  std::vector<connection> all_;
  std::vector<std::size_t> room_of_;
  std::vector<std::string> publishes_;
  char buffer_[1 << 18];
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr, "usage: fan_out_load PORT PID ROOMS MEMBERS IN_FLIGHT PAYLOAD_BYTES SECONDS\n");
    return 2;
  }
  try {
    auto number = [&](int i) { return std::atoi(argv[i]); };
    auto pid = number(2);
    auto l = std::make_unique<load>(number(1), number(3), number(4), number(5), static_cast<std::size_t>(number(6)));
    l->settle();
    l->start();
    l->run(std::chrono::milliseconds{500});
    auto cpu = cpu_seconds(pid);
    auto began = steady::now();
    auto deliveries = l->run(std::chrono::duration<double>(std::atof(argv[7])));
    auto took = std::chrono::duration<double>(steady::now() - began).count();
    cpu = cpu_seconds(pid) - cpu;
    std::printf("%llu deliveries %.2f s %.2f cpu-s %.1f ns/delivery\n", static_cast<unsigned long long>(deliveries), took, cpu,
                cpu * 1e9 / static_cast<double>(deliveries));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fan_out_load: %s\n", e.what());
    return 1;
  }
}
