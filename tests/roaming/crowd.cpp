#include "crowd.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::roaming {

using namespace std::chrono_literals;
using protocol::codec;

namespace {

constexpr auto step = 50ms;
constexpr auto settled_patience = 60s;
constexpr std::uint16_t normal = 1000, going_away = 1001;

std::vector<std::string> rooms_of(const options& o, std::size_t n) {
  std::vector<std::string> rooms;
  for (std::size_t i = 0; i < o.rooms_each; ++i) {
    const auto& name = o.rooms[(n * (1 + 6 * i) + 3 * i) % o.rooms.size()];
    if (std::find(rooms.begin(), rooms.end(), name) == rooms.end())
      rooms.push_back(name);
  }
  return rooms;
}

} // namespace

crowd::crowd(boost::asio::io_context& io, const options& o, report& out)
  : asked_(o),
    out_(out),
    chance_(o.seed),
    around_{
      io,         {boost::asio::ip::make_address(o.host), o.port}, out, chance_, o.patience, o.away,
      o.long_away},
    timer_(io) {
  for (std::size_t n = 0; n < o.clients; ++n)
    roamers_.push_back(std::make_unique<roamer>(around_, 'k' + std::to_string(n), rooms_of(o, n),
                                                n % 2 ? codec::json : codec::msgpack, n % 4 == 3));
}

void crowd::start() {
  const auto most = std::chrono::milliseconds{roamers_.size()}; // a thousand a second
  for (auto& r : roamers_)
    r->connect_after(chance_.between(0ms, most));
  end_ = clock::now() + most + asked_.time;
  tick();
}

void crowd::settle() {
  settles_ = true;
  around_.patience = settled_patience;
}

void crowd::tick() {
  const auto now = clock::now();
  if (now < end_ && !settles_) {
    for (auto n = times(asked_.messages, messages_); n > 0; --n) {
      auto& who = anybody();
      who.say(chance_.below(who.rooms()));
    }
    for (auto n = times(asked_.leaves, leaves_); n > 0; --n)
      anybody().leave(chance_.below(2) ? normal : going_away);
  }
  if (now >= next_beat_) {
    for (auto& r : roamers_)
      r->beat();
    next_beat_ = now + asked_.patience / 4;
  }
  if (settles_)
    for (auto& r : roamers_)
      r->say_last_words();
  out_.flush();
  timer_.expires_after(step);
  timer_.async_wait([this](auto error) { error ? void() : tick(); });
}

std::size_t crowd::times(double per_second, double& rest) const {
  rest += per_second * std::chrono::duration<double>{step}.count();
  const auto n = static_cast<std::size_t>(rest);
  rest -= static_cast<double>(n);
  return n;
}

} // namespace troupe::roaming
