// floor: the least that a fan-out server can do. One epoll loop publishes at the end of each turn
// what the turn has read, with one send for each member of the rooms concerned. It has no
// validation, no bounds, no order between rooms, and no policy for slow readers. Prints its port.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

struct peer;

struct room {
  std::vector<peer*> members;
  std::string output; ///< frames of this turn
};

struct peer {
  int fd = -1;
  bool upgraded = false;
  std::string input;
  std::string waiting; ///< what the socket did not take
  room* in = nullptr;
};

constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3
char buffer[1 << 18];
int epoll_fd;
std::unordered_map<std::string, std::unique_ptr<room>> rooms;
std::vector<room*> touched;

std::string accept_of(std::string_view key) {
  auto text = std::string{key}.append(guid);
  unsigned char digest[SHA_DIGEST_LENGTH], encoded[32];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  auto n = EVP_EncodeBlock(encoded, digest, sizeof digest);
  return {reinterpret_cast<char*>(encoded), static_cast<std::size_t>(n)};
}

void send_to(peer& p, std::string_view bytes) {
  ssize_t n = 0;
  if (p.waiting.empty() && (n = ::send(p.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL)) < 0)
    n = 0;
  if (static_cast<std::size_t>(n) < bytes.size()) {
    p.waiting.append(bytes.substr(static_cast<std::size_t>(n)));
    epoll_event event{EPOLLIN | EPOLLOUT, {.ptr = &p}};
    ::epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p.fd, &event);
  }
}

void flush(peer& p) {
  auto n = ::send(p.fd, p.waiting.data(), p.waiting.size(), MSG_NOSIGNAL);
  p.waiting.erase(0, n > 0 ? static_cast<std::size_t>(n) : 0);
  if (p.waiting.empty()) {
    epoll_event event{EPOLLIN, {.ptr = &p}};
    ::epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p.fd, &event);
  }
}

void append_frame(std::string& out, std::string_view payload) {
  out += '\x81';
  if (payload.size() < 126) {
    out += static_cast<char>(payload.size());
  } else {
    out += '\x7e';
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size());
  }
  out += payload;
}

std::string_view field(std::string_view json, std::string_view key) {
  auto at = json.find(key);
  if (at == std::string_view::npos)
    return {};
  auto begin = at + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

void on_message(peer& p, std::string_view json) {
  if (json.find("\"type\":\"join\"") != std::string_view::npos) {
    auto& r = rooms[std::string{field(json, "\"roomId\":\"")}];
    if (!r)
      r = std::make_unique<room>();
    r->members.push_back(&p);
    p.in = r.get();
    std::string joined;
    append_frame(joined, R"({"type":"joined"})");
    send_to(p, joined);
  } else if (p.in) {
    if (p.in->output.empty())
      touched.push_back(p.in);
    std::string message = R"({"type":"message","roomId":")";
    message.append(field(json, "\"roomId\":\""))
      .append(R"(","userId":"00000000000000000000","seq":1,"text":")");
    message.append(field(json, "\"text\":\"")).append("\"}");
    append_frame(p.in->output, message);
  }
}

void end(peer* p) {
  if (p->in)
    std::erase(p->in->members, p);
  ::close(p->fd);
  delete p;
}

bool upgrade(peer& p) {
  auto end = p.input.find("\r\n\r\n");
  if (end == std::string::npos)
    return false;
  constexpr std::string_view name = "Sec-WebSocket-Key: ";
  auto key = p.input.find(name) + name.size();
  send_to(p, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
             "Upgrade\r\nSec-WebSocket-Accept: "
               + accept_of(std::string_view{p.input}.substr(key, p.input.find('\r', key) - key))
               + "\r\n\r\n");
  p.input.erase(0, end + 4);
  return p.upgraded = true;
}

void read(peer* p) {
  auto n = ::recv(p->fd, buffer, sizeof buffer, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN))
    return end(p);
  p->input.append(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  if (!p->upgraded && !upgrade(*p))
    return;
  std::size_t at = 0;
  for (;;) {
    auto bytes = std::string_view{p->input}.substr(at);
    if (bytes.size() < 6)
      break;
    auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
    };
    std::size_t size = byte(1) & 0x7f, head = 6;
    if (size == 126) {
      if (bytes.size() < 8)
        break;
      size = byte(2) << 8 | byte(3);
      head = 8;
    }
    if (bytes.size() < head + size)
      break;
    auto* payload = p->input.data() + at + head;
    auto* mask = payload - 4;
    if (mask[0] || mask[1] || mask[2] || mask[3])
      for (std::size_t i = 0; i < size; ++i)
        payload[i] ^= mask[i % 4];
    if ((byte(0) & 0x0f) == 1)
      on_message(*p, {payload, size});
    at += head + size;
  }
  p->input.erase(0, at);
}

} // namespace

int main(int argc, char** argv) {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0
      || ::listen(listener, 4096) != 0) {
    std::perror("floor");
    return 1;
  }
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  std::printf("floor is listening on http://127.0.0.1:%d\n", ntohs(at.sin_port));
  std::fflush(stdout);
  epoll_fd = ::epoll_create1(0);
  epoll_event event{EPOLLIN, {.ptr = nullptr}};
  ::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    epoll_event events[512];
    auto n = ::epoll_wait(epoll_fd, events, 512, -1);
    for (int i = 0; i < n; ++i) {
      auto* p = static_cast<peer*>(events[i].data.ptr);
      if (p) {
        if ((events[i].events & EPOLLOUT) != 0)
          flush(*p);
        if ((events[i].events & ~EPOLLOUT) != 0)
          read(p);
        continue;
      }
      for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto* fresh = new peer;
        fresh->fd = fd;
        epoll_event e{EPOLLIN, {.ptr = fresh}};
        ::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
      }
    }
    for (auto* r : touched) {
      for (auto* m : r->members)
        send_to(*m, r->output);
      r->output.clear();
    }
    touched.clear();
  }
}
