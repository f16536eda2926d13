// What the clients of a load receive.
#include "load_client.hpp"

#include "marker.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <stdexcept>

namespace troupe::bench {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr int events_at_once = 512;

} // namespace

void load::poll(time_point until) {
  auto asked = steady::now();
  bool spins = options_.spin && publishing_;
  auto left = spins ? steady::duration{} : std::max<steady::duration>(0ns, until - asked);
  auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
  timespec timeout{whole.count(),
                   std::chrono::duration_cast<std::chrono::nanoseconds>(left - whole).count()};
  epoll_event events[events_at_once];
  auto n = ::epoll_pwait2(epoll_, events, events_at_once, &timeout, nullptr);
  if (spins && n == 0)
    idle_ += steady::now() - asked;
  for (int i = 0; i < n; ++i)
    ready(*static_cast<client*>(events[i].data.ptr), events[i].events);
}

void load::ready(client& c, std::uint32_t events) {
  if (c.at == client::phase::connecting) {
    go_on(c);
    return;
  }
  if ((events & EPOLLOUT) != 0)
    watch(c, c.socket->flush());
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
    read(c);
}

void load::read(client& c) {
  for (;;) {
    auto n = c.socket->read(buffer_.data(), buffer_.size());
    if (n < 0)
      return end(c);
    if (n == 0)
      return;
    std::string_view bytes{buffer_.data(), static_cast<std::size_t>(n)};
    if (c.at == client::phase::upgrading)
      upgrade(c, bytes);
    else
      c.frames.read(bytes, [&](const frame_view& frame) { take(c, frame); });
    if (!options_.tls && static_cast<std::size_t>(n) < buffer_.size())
      return; // with TLS, the rest of a record would cause no event
    if (c.at == client::phase::ended)
      return;
  }
}

void load::take(client& c, const frame_view& frame) {
  constexpr unsigned close = 8, ping = 9;
  if (frame.opcode == ping) {
    auto now = steady::now();
    result_.pings += now >= window_begin_ && now < window_end_;
    c.socket->write(masked_frame(10, frame.start));
    watch(c, c.socket->has_output());
  } else if (frame.opcode == 1 || frame.opcode == 2) {
    deliver(c, frame.deflated ? inflater_.start_of(frame.start) : frame.start, frame.size);
  } else if (frame.opcode == close) {
    end(c);
  }
}

void load::deliver(client& c, std::string_view payload, std::uint64_t size) {
  if (c.at == client::phase::joining) {
    if (c.words->is_joined(payload))
      enter_next(c);
    else if (c.words->is_invitation(payload))
      c.socket->write(c.words->join(plan_.rooms[c.rooms.front()]));
    else if (auto answer = c.words->answer_to(payload); !answer.empty())
      c.socket->write(answer);
    return;
  }
  auto now = steady::now();
  auto found = find_marker(payload);
  if (!found) {
    if (auto answer = c.words->answer_to(payload); !answer.empty())
      c.socket->write(answer);
    else if (c.words->is_notice(payload) && now >= window_begin_ && now < window_end_)
      ++result_.delivered;
    return;
  }
  auto* from = find_publisher(found->publisher);
  if (!from)
    return; // of another load
  auto came = arrivals::kind::in_order;
  if (auto* heard = heard_of(c, *from))
    came = heard->note(found->number);
  result_.doubled += came == arrivals::kind::twice;
  result_.disordered += came == arrivals::kind::late;
  c.received += came != arrivals::kind::twice;
  ++second_deliveries_;
  auto took = micros(now) - std::min(micros(now), found->at_us);
  second_.add(took);
  if (now >= window_begin_ && now < window_end_) {
    ++result_.delivered;
    result_.delivered_bytes += size;
  }
  if (auto meant = began_ + std::chrono::microseconds{found->at_us};
      meant >= window_begin_ && meant < window_end_)
    result_.latency.add(took);
  if (closed_loop_ && publishing_ && from->who == &c)
    publish(*from, now);
}

load::publisher* load::find_publisher(std::uint32_t number) {
  auto i = number - options_.first_publisher;
  return number >= options_.first_publisher && i < publishers_.size() ? &publishers_[i] : nullptr;
}

/// Null if the client is not in the publisher's room all the time.
arrivals* load::heard_of(client& c, const publisher& p) const {
  if (c.heard.empty())
    return nullptr;
  auto room = std::lower_bound(c.rooms.begin(), c.rooms.end(), p.room);
  if (room == c.rooms.end() || *room != p.room)
    return nullptr;
  auto place = static_cast<std::size_t>(room - c.rooms.begin());
  return &c.heard[place * options_.publishers
                  + (p.number - options_.first_publisher) % options_.publishers];
}

void load::end(client& c) {
  if (c.at == client::phase::ended)
    return;
  if (c.at != client::phase::ready)
    throw std::runtime_error{"the server ended a connection before it had joined"};
  c.at = client::phase::ended;
  ++result_.cut;
  if (c.socket)
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, c.socket->fd(), nullptr);
}

void load::watch(client& c, bool output) {
  if (c.watches_output == output || c.at == client::phase::ended
      || (c.stalled && c.at == client::phase::ready))
    return;
  c.watches_output = output;
  epoll_event event{};
  event.events = output ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &c;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, c.socket->fd(), &event);
}

} // namespace troupe::bench
