#include "admission.hpp"

#include <algorithm>
#include <chrono>

namespace troupe::transport {

namespace ip = boost::asio::ip;

std::string counted_as(const ip::address& from, bool count_loopback) {
  auto address = from;
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
  if (address.is_loopback() && !count_loopback)
    return {};
  if (address.is_v4())
    return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return ip::address_v6{bytes}.to_string() + "/64";
}

protocol::result<admission::lease, admission::refusal>
admission::admit(const std::shared_ptr<admission>& self, const ip::address& from, actors::steady_time now, std::string_view user) {
  auto& limits = self->limits_;
  auto address = limits.max_connections_per_ip > 0 ? counted_as(from, limits.count_loopback) : std::string{};
  std::string who{limits.max_connections_per_user > 0 ? user : std::string_view{}};
  std::lock_guard guard{self->mutex_};
  if (limits.max_connections > 0 && self->connections_ >= limits.max_connections)
    return refusal{"connections", 5};
  if (is_full(self->by_address_, address, limits.max_connections_per_ip))
    return refusal{"connections_per_ip", 5};
  if (is_full(self->by_user_, who, limits.max_connections_per_user))
    return refusal{"connections_per_user", 5};
  if (!self->within_rate(now))
    return refusal{"rate", 1};
  ++self->connections_;
  if (!address.empty())
    ++self->by_address_[address];
  if (!who.empty())
    ++self->by_user_[who];
  return lease{self, std::move(address), std::move(who)};
}

// -- refused tokens -------------------------------------------------------------------------------------------------------

namespace {

constexpr double most_failures = 20;
constexpr std::size_t most_addresses = 10'000;

} // namespace

double admission::failures::left(actors::steady_time now) const noexcept {
  return std::max(0.0, count - std::chrono::duration<double>(now - at).count());
}

unsigned admission::seconds_to_next_try(const ip::address& from, actors::steady_time now) {
  std::lock_guard guard{mutex_};
  auto i = failed_.find(counted_as(from, limits_.count_loopback));
  auto left = i == failed_.end() ? 0.0 : i->second.left(now);
  return left < most_failures ? 0 : static_cast<unsigned>(left - most_failures) + 1;
}

void admission::note_refused_token(const ip::address& from, actors::steady_time now) {
  auto address = counted_as(from, limits_.count_loopback);
  if (address.empty())
    return;
  std::lock_guard guard{mutex_};
  if (failed_.size() >= most_addresses)
    std::erase_if(failed_, [&](auto& f) { return f.second.left(now) <= 0; });
  if (failed_.size() >= most_addresses)
    failed_.clear(); // so many at once are no single guesser
  auto& f = failed_[std::move(address)];
  f = {f.left(now) + 1, now};
}

// -- counts ---------------------------------------------------------------------------------------------------------------

bool admission::is_full(const counts& of, const std::string& key, std::size_t bound) {
  auto i = of.find(key);
  return i != of.end() && i->second >= bound;
}

void admission::count_down(counts& of, const std::string& key) {
  if (auto i = of.find(key); i != of.end() && --i->second == 0)
    of.erase(i);
}

bool admission::within_rate(actors::steady_time now) {
  if (limits_.per_second <= 0)
    return true;
  if (refilled_ != actors::steady_time{})
    tokens_ = std::min(std::max(limits_.per_second, 1.0),
                       tokens_ + std::chrono::duration<double>(now - refilled_).count() * limits_.per_second);
  refilled_ = now;
  if (tokens_ < 1)
    return false;
  tokens_ -= 1;
  return true;
}

std::size_t admission::connections() const {
  std::lock_guard guard{mutex_};
  return connections_;
}

void admission::give_back(const std::string& address, const std::string& user) {
  std::lock_guard guard{mutex_};
  --connections_;
  count_down(by_address_, address);
  count_down(by_user_, user);
}

admission::lease::~lease() {
  if (owner_)
    owner_->give_back(address_, user_);
}

} // namespace troupe::transport
