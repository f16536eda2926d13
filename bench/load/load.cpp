#include "load_client.hpp"

#include "marker.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <thread>

namespace troupe::bench {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;

steady::duration seconds(double s) {
  return std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>{s});
}

} // namespace

load::load(const load_options& options)
  : options_(options),
    json_(dialect::json, options),
    msgpack_(dialect::msgpack, options),
    other_(options.speech, options),
    plan_(make_plan(options)),
    buffer_(buffer_bytes),
    epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (options.tls)
    tls_ = make_tls();
  auto stalled =
    static_cast<std::size_t>(std::floor(options.stall * static_cast<double>(options.members)));
  auto readers = options.members
               - std::min(stalled, options.members - std::min(options.members, options.publishers));
  for (auto& rooms : plan_.rooms_of) {
    auto& c = clients_.emplace_back();
    c.stalled = (clients_.size() - 1) % options.members >= readers;
    c.rooms = rooms;
    c.heard.resize(rooms.size() * options.publishers);
  }
  for (std::size_t v = 0; options.churn > 0 && v < options.visitors; ++v) {
    auto& c = clients_.emplace_back();
    c.visitor = true;
    c.rooms = {static_cast<std::uint32_t>(v % plan_.rooms.size())};
  }
  std::size_t i = 0;
  for (auto& c : clients_)
    c.words = options.speech != dialect::mixed ? &other_ : i++ % 2 == 0 ? &json_ : &msgpack_;
  auto number = static_cast<std::uint32_t>(options.first_publisher);
  for (auto [speaker, room] : plan_.speakers) {
    auto& c = clients_[speaker];
    publishers_.push_back(
      {&c, room, number++, 0, c.words->publish(plan_.rooms.empty() ? "" : plan_.rooms[room])});
  }
}

load::~load() { ::close(epoll_); }

std::uint64_t load::micros(time_point at) const {
  return static_cast<std::uint64_t>(
    std::chrono::duration_cast<std::chrono::microseconds>(at - began_).count());
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

/// Counts the stalled clients that the server has cut, or cuts now that they read.
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
        c.frames.read({buffer_.data(), static_cast<std::size_t>(n)},
                      [&](const frame_view& f) { was_cut |= f.opcode == close; });
    }
    result_.cut_stalled += was_cut ? 1 : 0;
  }
}

void load::start() {
  auto now = steady::now();
  window_begin_ = now + seconds(options_.warm_up.count());
  window_end_ = window_begin_ + seconds(options_.duration.count());
  began_ = now;
  next_progress_ = now + 1s;
  second_.clear();
  publishing_ = true;
  closed_loop_ = options_.rate <= 0;
  for (auto& p : publishers_)
    for (std::size_t i = 0; closed_loop_ && i < options_.in_flight; ++i)
      publish(p, steady::now());
}

void load::publish(publisher& p, time_point meant) {
  auto& c = *p.who;
  if (c.at != client::phase::ready)
    return;
  marker{p.number, ++p.published, micros(meant)}.write(p.message.frame.data()
                                                       + p.message.marker_at);
  c.socket->write(p.message.frame);
  watch(c, c.socket->has_output());
  if (meant >= window_begin_ && meant < window_end_)
    ++result_.published;
}

/// The open loop: publishers send in turn, each message at its time. A late message keeps the time
/// at which it was meant to be sent.
void load::publish_due(time_point now) {
  if (!publishing_ || closed_loop_ || publishers_.empty())
    return;
  auto interval = 1.0 / (options_.rate * static_cast<double>(publishers_.size()));
  for (;; ++due_) {
    auto meant = began_ + seconds(interval * static_cast<double>(due_));
    if (meant > now || meant >= window_end_)
      return;
    publish(publishers_[due_ % publishers_.size()], meant);
  }
}

/// Visitors join and leave, in turn.
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
    auto& room = plan_.rooms[c.rooms.front()];
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
      until =
        std::min(until, began_
                          + seconds(static_cast<double>(due_)
                                    / (options_.rate * static_cast<double>(publishers_.size()))));
    if (publishing_ && options_.churn > 0)
      until = std::min(until, began_ + seconds(static_cast<double>(visits_) / options_.churn));
    poll(until);
    progress(now);
  }
}

/// Waits for the messages that are under way.
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

/// How many deliveries the open connections have not received.
std::uint64_t load::missing() const {
  if (options_.speech == dialect::echo) {
    std::uint64_t all = 0;
    for (auto& p : publishers_)
      all += p.who->at == client::phase::ready ? p.published - p.who->received : 0;
    return all;
  }
  std::vector<std::uint64_t> said(std::max<std::size_t>(1, plan_.rooms.size()));
  for (auto& p : publishers_)
    said[p.room] += p.published;
  std::vector<std::uint64_t> own(clients_.size());
  for (std::size_t i = 0; !options_.echo && i < publishers_.size(); ++i)
    own[plan_.speakers[i].client] += publishers_[i].published;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    auto& c = clients_[i];
    if (c.at != client::phase::ready || c.stalled || c.visitor)
      continue;
    std::uint64_t expected = 0;
    for (auto room : c.rooms)
      expected += said[room];
    expected -= own[i];
    all += expected - std::min(expected, c.received);
  }
  return all;
}

void load::progress(time_point now) {
  if (now < next_progress_)
    return;
  next_progress_ = now + 1s;
  if (!options_.quiet) {
    auto at = std::chrono::duration<double>(now - began_).count();
    if (publishing_)
      std::fprintf(stderr, "%4.0f s  %10llu deliveries  p50 %6.2f ms  p99 %6.2f ms  max %6.2f ms\n",
                   at, static_cast<unsigned long long>(second_deliveries_),
                   static_cast<double>(second_.quantile(0.5)) / 1e3,
                   static_cast<double>(second_.quantile(0.99)) / 1e3,
                   static_cast<double>(second_.most()) / 1e3);
    else
      std::fprintf(stderr, "%4.0f s  %zu of %zu clients are in\n", at, in_rooms_, clients_.size());
  }
  second_.clear();
  second_deliveries_ = 0;
}

} // namespace troupe::bench
