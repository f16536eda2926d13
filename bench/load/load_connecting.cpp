// How the clients of a load connect and join.
#include "load_client.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/epoll.h>

#include <algorithm>
#include <stdexcept>

namespace troupe::bench {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

sockaddr_in resolve(const load_options& options) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found)
      != 0)
    throw std::runtime_error{options.host + ": no such host"};
  auto address = *reinterpret_cast<sockaddr_in*>(found->ai_addr);
  ::freeaddrinfo(found);
  return address;
}

} // namespace

void load::open_all() {
  in_rooms_ = 0;
  std::size_t opened = 0;
  auto began = steady::now();
  auto quiet_since = began;
  for (std::size_t before = 0; in_rooms_ < clients_.size();) {
    open_some(began, opened);
    poll(steady::now() + 20ms);
    auto now = steady::now();
    if (in_rooms_ + opened != before)
      quiet_since = now;
    before = in_rooms_ + opened;
    if (now - quiet_since > options_.patience)
      throw std::runtime_error{"only " + std::to_string(in_rooms_) + " of "
                               + std::to_string(clients_.size()) + " clients got in"};
    progress(now);
  }
}

/// Opens as many connections as the ramp allows by now.
void load::open_some(time_point began, std::size_t& opened) {
  auto allowed = clients_.size();
  if (options_.ramp > 0)
    allowed = std::min(
      allowed, 1
                 + static_cast<std::size_t>(
                   std::chrono::duration<double>(steady::now() - began).count() * options_.ramp));
  for (; opened < allowed && opening_ < options_.opening; ++opened)
    open(clients_[opened]);
}

void load::open(client& c) {
  static const auto to = resolve(options_);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_ANY);
  if (options_.sources > 1) {
    auto index = static_cast<std::uint32_t>(static_cast<std::size_t>(&c - &clients_.front())
                                            % options_.sources);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index);
  }
  c.socket = std::make_unique<stream>(from, to, tls_.get());
  c.frames = {};
  c.answer.clear();
  c.at = client::phase::connecting;
  ++opening_;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = &c;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.socket->fd(), &event);
  c.watches_output = true;
}

void load::go_on(client& c) {
  if (!c.socket->connect())
    return;
  c.at = client::phase::upgrading;
  c.socket->write(c.words->upgrade());
  watch(c, c.socket->has_output());
}

void load::upgrade(client& c, std::string_view bytes) {
  c.answer.append(bytes);
  auto end = c.answer.find("\r\n\r\n");
  if (end == std::string::npos)
    return;
  if (c.answer.find(" 101 ") > end)
    throw std::runtime_error{"no upgrade: " + c.answer.substr(0, c.answer.find("\r\n"))};
  if (options_.deflate && c.answer.find("permessage-deflate") > end)
    throw std::runtime_error{"the server does not deflate"};
  --opening_;
  c.at = client::phase::joining;
  auto rest = c.answer.substr(end + 4);
  c.answer = {};
  c.entered = 0;
  if (plan_.rooms.empty() || c.visitor)
    joined(c);
  else
    c.socket->write(c.words->opening(plan_.rooms[c.rooms.front()]));
  watch(c, c.socket->has_output());
  c.frames.read(rest, [&](const frame_view& frame) { take(c, frame); });
}

/// The client has joined a room: joins the next one, if any.
void load::enter_next(client& c) {
  ++c.entered;
  if (c.entered < c.rooms.size())
    c.socket->write(c.words->join(plan_.rooms[c.rooms[c.entered]]));
  else if (c.entered == c.rooms.size() && !options_.also.empty())
    c.socket->write(c.words->join(options_.also));
  else
    joined(c);
}

void load::joined(client& c) {
  c.at = client::phase::ready;
  ++in_rooms_;
  if (c.stalled)
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, c.socket->fd(), nullptr);
}

void load::cut_all() {
  for (auto& c : clients_) {
    c.socket->cut();
    c.socket.reset();
    c.at = client::phase::none;
  }
}

} // namespace troupe::bench
