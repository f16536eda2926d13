#include "net/admission.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

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

namespace {

constexpr double most_failures = 20;
constexpr std::size_t most_addresses = 10'000;

/// Forgets one each second.
double fade_failures(double count, double seconds) { return std::max(0.0, count - seconds); }

/// Forgets most of a second's worth within a second.
double fade_admissions(double count, double seconds) { return count * std::exp(-seconds); }

} // namespace

admission::admission(limits l)
  : limits_(l),
    wrong_tokens_(fade_failures, most_addresses),
    recent_(fade_admissions, most_addresses),
    bucket_(burst()) {}

protocol::result<admission::lease, admission::refusal> admission::admit(
  const std::shared_ptr<admission>& self, const ip::address& from, actors::steady_time now,
  std::string_view user) {
  auto& limits = self->limits_;
  auto address = counted_as(from, limits.count_loopback);
  auto bounded = limits.max_connections_per_ip > 0 ? address : std::string{};
  std::string who{limits.max_connections_per_user > 0 ? user : std::string_view{}};
  std::lock_guard guard{self->mutex_};
  if (limits.max_connections > 0 && self->connections_ >= limits.max_connections)
    return refusal{"connections", 5};
  if (is_full(self->by_address_, bounded, limits.max_connections_per_ip))
    return refusal{"connections_per_ip", 5};
  if (is_full(self->by_user_, who, limits.max_connections_per_user))
    return refusal{"connections_per_user", 5};
  self->bucket_.refill(now, self->limits_.per_second, self->burst());
  if (!self->is_within_rate(address, now))
    return refusal{self->bucket_.left() < 1 ? "rate" : "rate_per_ip", 1};
  self->take(address, bounded, who, now);
  return lease{self, std::move(bounded), std::move(who)};
}

/// If it throws, the connection is not counted.
void admission::take(const std::string& address, const std::string& bounded, const std::string& who,
                     actors::steady_time now) {
  if (limits_.per_second > 0 && !address.empty())
    recent_.add(address, now);
  count_up(by_address_, bounded);
  try {
    count_up(by_user_, who);
  } catch (...) {
    count_down(by_address_, bounded);
    throw;
  }
  ++connections_;
  static_cast<void>(bucket_.take()); // without a bound the bucket is soon empty, and nobody asks
}

// -- wrong tokens ---------------------------------------------------------------------------------

unsigned admission::seconds_to_next_try(const ip::address& from, actors::steady_time now) {
  std::lock_guard guard{mutex_};
  auto left = wrong_tokens_.left(counted_as(from, limits_.count_loopback), now);
  return left < most_failures ? 0 : static_cast<unsigned>(left - most_failures) + 1;
}

void admission::note_refused_token(const ip::address& from, actors::steady_time now) {
  auto address = counted_as(from, limits_.count_loopback);
  if (address.empty())
    return;
  std::lock_guard guard{mutex_};
  wrong_tokens_.add(address, now);
}

// -- rate -----------------------------------------------------------------------------------------

bool admission::is_within_rate(const std::string& address, actors::steady_time now) const {
  if (limits_.per_second <= 0)
    return true;
  if (bucket_.left() < 1)
    return false;
  return address.empty() || bucket_.left() - 1 >= burst() / 2
      || recent_.left(address, now) < bucket_.left();
}

std::uint64_t admission::mark_of(const boost::asio::ip::address& from) const {
  auto address = counted_as(from, limits_.count_loopback);
  return address.empty() ? 0 : by_address_.hash_function()(address) | 1;
}

// -- counts ---------------------------------------------------------------------------------------

bool admission::is_full(const counts& of, const std::string& key, std::size_t bound) {
  auto i = of.find(key);
  return i != of.end() && i->second >= bound;
}

void admission::count_up(counts& of, const std::string& key) {
  if (!key.empty())
    ++of[key];
}

void admission::count_down(counts& of, const std::string& key) noexcept {
  if (auto i = of.find(key); i != of.end() && --i->second == 0)
    of.erase(i);
}

std::size_t admission::connections() const {
  std::lock_guard guard{mutex_};
  return connections_;
}

void admission::give_back(const std::string& address, const std::string& user) noexcept {
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
