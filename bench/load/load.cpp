#include "load.hpp"

#include "marker.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace troupe::bench {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr int events_at_once = 512;
constexpr auto never = steady::time_point::max();

sockaddr_in resolve(const load_options& options) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found) != 0)
    throw std::runtime_error{options.host + ": no such host"};
  auto address = *reinterpret_cast<sockaddr_in*>(found->ai_addr);
  ::freeaddrinfo(found);
  return address;
}

steady::duration seconds(double s) { return std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>{s}); }

} // namespace

struct load::client {
  enum class phase : std::uint8_t { none, connecting, upgrading, joining, ready, ended };

  std::unique_ptr<stream> socket;
  const speech* words = nullptr;
  frame_reader frames;
  std::string answer;             ///< to the upgrade, as far as it has come
  std::size_t room = 0;
  std::uint32_t publisher = 0;    ///< from 1; 0: none
  phase at = phase::none;
  bool stalled = false;
  bool visitor = false;
  bool inside = false;            ///< a visitor that has joined
  bool watches_output = false;
  std::uint64_t received = 0;
  std::vector<std::uint32_t> last; ///< by publisher of the room
  publish_template message;       ///< of a publisher
};

load::load(const load_options& options)
  : options_(options),
    json_(dialect::json, options),
    msgpack_(dialect::msgpack, options),
    other_(options.speech, options),
    buffer_(buffer_bytes),
    epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (options.tls)
    tls_ = make_tls();
  for (std::size_t r = 0; r < options.rooms; ++r)
    room_names_.push_back(options.room_prefix + std::to_string(r));
  auto rooms = std::max<std::size_t>(1, options.rooms);
  auto stalled = static_cast<std::size_t>(std::floor(options.stall * static_cast<double>(options.members)));
  for (std::size_t r = 0; r < rooms; ++r)
    for (std::size_t m = 0; m < options.members; ++m) {
      auto& c = clients_.emplace_back();
      c.room = r;
      c.last.resize(options.publishers);
      c.stalled = m >= options.members - std::min(stalled, options.members - std::min(options.members, options.publishers));
      if (m < options.publishers) {
        publishers_.push_back(&c);
        c.publisher = static_cast<std::uint32_t>(publishers_.size());
      }
    }
  for (std::size_t v = 0; options.churn > 0 && v < options.visitors; ++v) {
    auto& c = clients_.emplace_back();
    c.visitor = true;
    c.room = v % rooms;
  }
  std::size_t i = 0;
  for (auto& c : clients_) {
    c.words = options.speech != dialect::mixed ? &other_ : i++ % 2 == 0 ? &json_ : &msgpack_;
    if (c.publisher != 0)
      c.message = c.words->publish(room_names_.empty() ? "" : room_names_[c.room]);
  }
  published_.resize(publishers_.size() + 1);
}

load::~load() { ::close(epoll_); }

std::uint64_t load::micros(time_point at) const {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(at - began_).count());
}

load_result load::run() {
  began_ = steady::now();
  next_progress_ = began_ + 1s;
  if (options_.pid != 0)
    result_.memory_before = resident_kib(options_.pid);
  open_all();
  result_.connect_seconds = std::chrono::duration<double>(steady::now() - began_).count();
  if (options_.reconnect) {
    cut_all();
    auto again = steady::now();
    open_all();
    result_.reconnect_seconds = std::chrono::duration<double>(steady::now() - again).count();
  }
  run_until(steady::now() + 300ms); // notices of joins
  if (options_.pid != 0)
    result_.memory_idle = resident_kib(options_.pid);

  start();
  run_until(window_begin_);
  auto cpu = options_.pid != 0 ? cpu_seconds(options_.pid) : 0;
  auto own = own_cpu_seconds();
  idle_ = {};
  auto from = steady::now();
  run_until(window_end_);
  result_.window_seconds = std::chrono::duration<double>(steady::now() - from).count();
  result_.own_cpu_seconds = own_cpu_seconds() - own - std::chrono::duration<double>(idle_).count();
  if (options_.pid != 0) {
    result_.server_cpu_seconds = cpu_seconds(options_.pid) - cpu;
    result_.memory_after = resident_kib(options_.pid);
  }
  publishing_ = false;
  drain();
  result_.lost = missing();
  look_at_stalled();
  return result_;
}

/// Which of those that never read the server has ended, or ends now that they do.
void load::look_at_stalled() {
  constexpr unsigned close = 8;
  auto end = steady::now() + 2s;
  for (auto& c : clients_) {
    bool was_cut = false;
    while (c.stalled && c.at == client::phase::ready && !was_cut && steady::now() < end) {
      auto n = c.socket->read(buffer_.data(), buffer_.size());
      was_cut = n < 0;
      if (n == 0)
        std::this_thread::sleep_for(1ms);
      if (n > 0)
        c.frames.read({buffer_.data(), static_cast<std::size_t>(n)}, [&](const frame_view& f) { was_cut |= f.opcode == close; });
    }
    result_.cut_stalled += was_cut ? 1 : 0;
  }
}

// -- connecting -----------------------------------------------------------------------------------------------------------

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
      throw std::runtime_error{"only " + std::to_string(in_rooms_) + " of " + std::to_string(clients_.size()) + " clients got in"};
    progress(now);
  }
}

/// As many as may be opened by now.
void load::open_some(time_point began, std::size_t& opened) {
  auto allowed = clients_.size();
  if (options_.ramp > 0)
    allowed = std::min(allowed, 1 + static_cast<std::size_t>(std::chrono::duration<double>(steady::now() - began).count() * options_.ramp));
  for (; opened < allowed && opening_ < options_.opening; ++opened)
    open(clients_[opened]);
}

void load::open(client& c) {
  static const auto to = resolve(options_);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_ANY);
  if (options_.sources > 1) {
    auto index = static_cast<std::uint32_t>(static_cast<std::size_t>(&c - &clients_.front()) % options_.sources);
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
  if (room_names_.empty() || options_.speech == dialect::echo || c.visitor)
    joined(c);
  else
    c.socket->write(c.words->opening(room_names_[c.room]));
  watch(c, c.socket->has_output());
  c.frames.read(rest, [&](const frame_view& frame) { take(c, frame); });
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

// -- load -----------------------------------------------------------------------------------------------------------------

void load::start() {
  auto now = steady::now();
  window_begin_ = now + seconds(options_.warm_up.count());
  window_end_ = window_begin_ + seconds(options_.duration.count());
  began_ = now;
  next_progress_ = now + 1s;
  second_.clear();
  publishing_ = true;
  closed_loop_ = options_.rate <= 0;
  for (auto* c : publishers_)
    for (std::size_t i = 0; closed_loop_ && i < options_.in_flight; ++i)
      publish(*c, steady::now());
}

void load::publish(client& c, time_point meant) {
  if (c.at != client::phase::ready)
    return;
  auto number = ++published_[c.publisher];
  marker{c.publisher, number, micros(meant)}.write(c.message.frame.data() + c.message.marker_at);
  c.socket->write(c.message.frame);
  watch(c, c.socket->has_output());
  if (meant >= window_begin_ && meant < window_end_)
    ++result_.published;
}

/// The open loop: who is next at its time, all of them in turn; what is late keeps the time at which it was meant.
void load::publish_due(time_point now) {
  if (!publishing_ || closed_loop_ || publishers_.empty())
    return;
  auto interval = 1.0 / (options_.rate * static_cast<double>(publishers_.size()));
  for (;; ++due_) {
    auto meant = began_ + seconds(interval * static_cast<double>(due_));
    if (meant > now || meant >= window_end_)
      return;
    publish(*publishers_[due_ % publishers_.size()], meant);
  }
}

/// Joins and leaves of visitors, in turn.
void load::visit_due(time_point now) {
  if (!publishing_ || options_.churn <= 0)
    return;
  auto first = clients_.size() - options_.visitors;
  for (;; ++visits_) {
    if (began_ + seconds(static_cast<double>(visits_) / options_.churn) > now)
      return;
    auto& c = clients_[first + visits_ % options_.visitors];
    if (c.at != client::phase::ready)
      continue;
    auto& room = room_names_[c.room];
    c.socket->write(c.inside ? c.words->leave(room) : c.words->join(room));
    c.inside = !c.inside;
    watch(c, c.socket->has_output());
  }
}

void load::run_until(time_point end) {
  for (auto now = steady::now(); now < end; now = steady::now()) {
    publish_due(now);
    visit_due(now);
    auto until = std::min(end, now + 50ms);
    if (publishing_ && !closed_loop_ && !publishers_.empty())
      until = std::min(until, began_ + seconds(static_cast<double>(due_) / (options_.rate * static_cast<double>(publishers_.size()))));
    if (publishing_ && options_.churn > 0)
      until = std::min(until, began_ + seconds(static_cast<double>(visits_) / options_.churn));
    poll(until);
    progress(now);
  }
}

/// Waits for what is under way.
void load::drain() {
  auto end = steady::now() + seconds(options_.patience.count());
  auto quiet = steady::now();
  auto before = missing();
  while (before > 0 && steady::now() < end && steady::now() - quiet < 2s) {
    poll(steady::now() + 50ms);
    auto now_missing = missing();
    if (now_missing != before)
      quiet = steady::now();
    before = now_missing;
  }
}

/// Deliveries that connections which live have not got.
std::uint64_t load::missing() const {
  if (options_.speech == dialect::echo) {
    std::uint64_t all = 0;
    for (auto* c : publishers_)
      all += c->at == client::phase::ready ? published_[c->publisher] - c->received : 0;
    return all;
  }
  std::vector<std::uint64_t> said(std::max<std::size_t>(1, options_.rooms));
  for (auto* c : publishers_)
    said[c->room] += published_[c->publisher];
  std::uint64_t all = 0;
  for (auto& c : clients_)
    if (c.at == client::phase::ready && !c.stalled && !c.visitor) {
      auto expected = said[c.room] - (options_.echo || c.publisher == 0 ? 0 : published_[c.publisher]);
      all += expected - std::min(expected, c.received);
    }
  return all;
}

// -- what comes -----------------------------------------------------------------------------------------------------------

void load::poll(time_point until) {
  auto asked = steady::now();
  bool spins = options_.spin && publishing_;
  auto left = spins ? steady::duration{} : until == never ? 50ms : std::max<steady::duration>(0ns, until - asked);
  auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
  timespec timeout{whole.count(), std::chrono::duration_cast<std::chrono::nanoseconds>(left - whole).count()};
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
      return; // the rest of a TLS record gives no event of its own
    if (c.at == client::phase::ended)
      return;
  }
}

void load::take(client& c, const frame_view& frame) {
  constexpr unsigned close = 8, ping = 9;
  if (frame.opcode == ping) {
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
      joined(c);
    else if (c.words->is_invitation(payload))
      c.socket->write(c.words->join(room_names_[c.room]));
    else if (auto answer = c.words->answer_to(payload); !answer.empty())
      c.socket->write(answer);
    return;
  }
  auto found = find_marker(payload);
  if (!found) {
    if (auto answer = c.words->answer_to(payload); !answer.empty())
      c.socket->write(answer);
    return;
  }
  auto now = steady::now();
  ++c.received;
  ++second_deliveries_;
  auto took = micros(now) - std::min(micros(now), found->at_us);
  second_.add(took);
  if (now >= window_begin_ && now < window_end_) {
    ++result_.delivered;
    result_.delivered_bytes += size;
  }
  if (auto meant = began_ + std::chrono::microseconds{found->at_us}; meant >= window_begin_ && meant < window_end_)
    result_.latency.add(took);
  if (!c.last.empty() && found->publisher > 0) {
    auto& last = c.last[(found->publisher - 1) % c.last.size()];
    if (found->number <= last)
      ++result_.disordered;
    last = found->number;
  }
  if (closed_loop_ && publishing_ && found->publisher == c.publisher && c.publisher != 0)
    publish(c, now);
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
  if (c.watches_output == output || c.at == client::phase::ended || (c.stalled && c.at == client::phase::ready))
    return;
  c.watches_output = output;
  epoll_event event{};
  event.events = output ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &c;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, c.socket->fd(), &event);
}

void load::progress(time_point now) {
  if (now < next_progress_)
    return;
  next_progress_ = now + 1s;
  if (!options_.quiet) {
    auto at = std::chrono::duration<double>(now - began_).count();
    if (publishing_)
      std::fprintf(stderr, "%4.0f s  %10llu deliveries  p50 %6.2f ms  p99 %6.2f ms  max %6.2f ms\n", at,
                   static_cast<unsigned long long>(second_deliveries_), static_cast<double>(second_.quantile(0.5)) / 1e3,
                   static_cast<double>(second_.quantile(0.99)) / 1e3, static_cast<double>(second_.most()) / 1e3);
    else
      std::fprintf(stderr, "%4.0f s  %zu of %zu clients are in\n", at, in_rooms_, clients_.size());
  }
  second_.clear();
  second_deliveries_ = 0;
}

} // namespace troupe::bench
