#include "net/admission.hpp"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::transport;
using boost::asio::ip::make_address;
using namespace std::chrono_literals;

namespace {

constexpr actors::steady_time start{1h};

/// An admission, and the leases that it has given.
struct gate {
  explicit gate(admission::limits l) : owner(std::make_shared<admission>(l)) {}

  /// Asks for admission. Returns the reason of the refusal; empty: let in.
  std::string_view try_in(const char* address, actors::steady_time now = start) {
    auto answer = admission::admit(owner, make_address(address), now);
    if (!answer)
      return answer.error().reason;
    leases.push_back(std::move(*answer));
    return {};
  }

  std::shared_ptr<admission> owner;
  std::vector<admission::lease> leases;
};

admission::limits in_all(std::size_t n) {
  admission::limits l;
  l.max_connections = n;
  return l;
}

admission::limits per_ip(std::size_t n, bool count_loopback = false) {
  admission::limits l;
  l.max_connections_per_ip = n;
  l.count_loopback = count_loopback;
  return l;
}

admission::limits rate(double per_second) {
  admission::limits l;
  l.per_second = per_second;
  return l;
}

} // namespace

// -- in all ---------------------------------------------------------------------------------------

TEST_CASE("without limits everybody is let in") {
  gate g{{}};
  for (int i = 0; i < 1000; ++i)
    CHECK(g.try_in("203.0.113.1").empty());

  CHECK(g.owner->connections() == 1000);
}

TEST_CASE("a full server lets in the next one once a place is given back") {
  gate g{in_all(2)};
  g.try_in("203.0.113.1");
  g.try_in("203.0.113.2");

  auto full = g.try_in("203.0.113.3");
  g.leases.pop_back();
  auto again = g.try_in("203.0.113.3");

  CHECK(full == "connections");
  CHECK(again.empty());
  CHECK(g.owner->connections() == 2);
}

TEST_CASE("a refusal says when to come back") {
  gate g{in_all(1)};
  g.try_in("203.0.113.1");

  auto answer = admission::admit(g.owner, make_address("203.0.113.2"), start);

  REQUIRE_FALSE(answer);
  CHECK(answer.error().retry_after_seconds > 0);
}

// -- per address ----------------------------------------------------------------------------------

TEST_CASE("one address has its own bound, which others do not feel") {
  gate g{per_ip(2)};
  g.try_in("203.0.113.1");
  g.try_in("203.0.113.1");

  CHECK(g.try_in("203.0.113.1") == "connections_per_ip");
  CHECK(g.try_in("203.0.113.2").empty());
}

TEST_CASE("an address that has gone is forgotten") {
  gate g{per_ip(1)};
  g.try_in("203.0.113.1");
  g.leases.clear();

  CHECK(g.try_in("203.0.113.1").empty());
  CHECK(g.owner->connections() == 1);
}

// Pins §1.45.
TEST_CASE("IPv6 addresses count by their /64") {
  gate g{per_ip(1)};
  g.try_in("2001:db8:1:2::1");

  CHECK(g.try_in("2001:db8:1:2:ffff:ffff:ffff:ffff") == "connections_per_ip");
  CHECK(g.try_in("2001:db8:1:3::1").empty());
}

TEST_CASE("an IPv4 address counts the same when it is mapped into IPv6") {
  gate g{per_ip(1)};
  g.try_in("203.0.113.1");

  CHECK(g.try_in("::ffff:203.0.113.1") == "connections_per_ip");
  CHECK(g.try_in("::ffff:203.0.113.2").empty());
}

TEST_CASE("loopback addresses are not bounded unless asked for") {
  for (auto address : {"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"}) {
    gate open{per_ip(1)}, counting{per_ip(1, true)};
    INFO(address);

    open.try_in(address);
    counting.try_in(address);

    CHECK(open.try_in(address).empty());
    CHECK(counting.try_in(address) == "connections_per_ip");
  }
}

TEST_CASE("what an address counts as names no more of it than is counted") {
  CHECK(counted_as(make_address("203.0.113.1"), false) == "203.0.113.1");
  CHECK(counted_as(make_address("2001:db8:1:2:3:4:5:6"), false) == "2001:db8:1:2::/64");
  CHECK(counted_as(make_address("fe80::1%lo"), false) == "fe80::/64");
  CHECK(counted_as(make_address("::ffff:203.0.113.1"), false) == "203.0.113.1");
  CHECK(counted_as(make_address("::1"), false).empty());
  CHECK(counted_as(make_address("::1"), true) == "::/64");
}

// -- per second -----------------------------------------------------------------------------------

TEST_CASE("the rate allows a burst of one second's worth, then its pace") {
  gate g{rate(3)};
  for (auto address : {"203.0.113.1", "203.0.113.2", "203.0.113.3"})
    CHECK(g.try_in(address).empty());

  auto burst_over = g.try_in("203.0.113.4");
  auto a_third_later = g.try_in("203.0.113.4", start + 334ms);
  auto at_once = g.try_in("203.0.113.5", start + 335ms);

  CHECK(burst_over == "rate");
  CHECK(a_third_later.empty());
  CHECK(at_once == "rate");
}

TEST_CASE("a quiet hour earns no more than one second's worth") {
  gate g{rate(3)};
  g.try_in("203.0.113.1");

  int let_in = 0;
  for (int i = 0; i < 10; ++i)
    let_in += g.try_in(("203.0.113." + std::to_string(i)).c_str(), start + 1h).empty();

  CHECK(let_in == 3);
}

// -- shares of a second ---------------------------------------------------------------------------

namespace {

/// Tries `tries` times from one address. Returns how many attempts are let in.
int let_in(gate& g, const char* address, int tries, actors::steady_time now = start) {
  int n = 0;
  for (int i = 0; i < tries; ++i)
    n += g.try_in(address, now).empty();
  return n;
}

} // namespace

/// Pins that a few addresses cannot use up the rate of all.
// Pins §1.46.
TEST_CASE("one address takes half of a second's places, the next half of the rest, and there is "
          "always one for a new address") {
  gate g{rate(2000)};

  CHECK(let_in(g, "203.0.113.1", 5000) == 1000);
  CHECK(let_in(g, "203.0.113.2", 5000) == 500);
  CHECK(let_in(g, "203.0.113.3", 5000) == 250);
  for (int i = 0; i < 100; ++i)
    CHECK(g.try_in(("198.51.100." + std::to_string(i)).c_str()).empty());
  CHECK(g.try_in("203.0.113.1") == "rate_per_ip");
}

TEST_CASE("three addresses that never stop leave a place to whoever comes at any time") {
  gate g{rate(2000)};
  int refused = 0;
  std::size_t greedy = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    auto now = start + std::chrono::milliseconds{ms};
    for (auto address : {"203.0.113.1", "203.0.113.2", "203.0.113.3"})
      greedy += static_cast<std::size_t>(let_in(g, address, 5, now));
    if (ms % 10 == 0)
      refused += !g.try_in(("198.51.100." + std::to_string(ms / 10 % 250)).c_str(), now).empty();
    g.leases.clear();
  }

  CHECK(refused == 0);
  CHECK(greedy > 17'000); // one address may use what the others leave
}

TEST_CASE(
  "an address alone has all of the rate, but for the half that it leaves to others at once") {
  gate g{rate(100)};
  int n = 0;
  for (int ms = 0; ms < 10'000; ++ms)
    n += let_in(g, "203.0.113.1", 1, start + std::chrono::milliseconds{ms});

  CHECK(n >= 1000);
  CHECK(n <= 1100);
  CHECK(let_in(g, "203.0.113.2", 100, start + 10s) >= 24);
}

TEST_CASE("addresses that are not counted have no share of their own") {
  gate g{rate(10)};

  CHECK(let_in(g, "127.0.0.1", 20) == 10);
}

TEST_CASE("addresses of one IPv6 /64 have one share") {
  gate g{rate(100)};

  CHECK(let_in(g, "2001:db8::1", 100) == 50);
  CHECK(let_in(g, "2001:db8::2", 100) == 0);
  CHECK(let_in(g, "2001:db8:0:1::1", 100) == 25);
}

/// Pins that a crowd of new addresses evicts only those that were let in longest ago.
// Pins §16.12.
TEST_CASE("beyond ten thousand addresses that were let in the one that came longest ago is "
          "forgotten, and has its whole share again") {
  gate g{rate(30'000)};
  auto let_in_once = [&](unsigned address) {
    return bool(admission::admit(g.owner, boost::asio::ip::address_v4{address}, start));
  };
  CHECK(let_in(g, "203.0.113.1", 20'000) == 15'000);
  int others = 0;
  for (unsigned i = 0; i < 9'999; ++i)
    others += let_in_once(0x0a000000 + i);
  CHECK(others == 9'999);
  CHECK(g.try_in("203.0.113.1") == "rate_per_ip");

  CHECK(let_in_once(0x0b000000));

  CHECK(g.try_in("203.0.113.1").empty());
}

/// Pins that a rate below one per second admits anybody at all, although one second of it is less
/// than one place.
TEST_CASE("a rate of one in two seconds lets one in every two seconds") {
  gate g{rate(0.5)};
  int let_in = 0;
  for (int i = 0; i <= 100; ++i)
    let_in += g.try_in("203.0.113.1", start + i * 100ms).empty();

  CHECK(let_in >= 5);
  CHECK(let_in <= 6);
}

TEST_CASE("who is refused for another reason uses up no rate") {
  auto limits = rate(2);
  limits.max_connections_per_ip = 1;
  gate g{limits};
  g.try_in("203.0.113.1");
  for (int i = 0; i < 5; ++i)
    CHECK(g.try_in("203.0.113.1") == "connections_per_ip");

  CHECK(g.try_in("203.0.113.2").empty());
}

TEST_CASE("who is refused by the rate takes no place") {
  auto limits = rate(1);
  limits.max_connections_per_ip = 1;
  gate g{limits};
  g.try_in("203.0.113.1");
  g.try_in("203.0.113.2");

  CHECK(g.owner->connections() == 1);
  CHECK(g.try_in("203.0.113.2", start + 1s).empty());
}

// -- leases ---------------------------------------------------------------------------------------

TEST_CASE("a moved lease is given back once") {
  gate g{per_ip(1)};
  g.try_in("203.0.113.1");
  {
    admission::lease taken{std::move(g.leases.back())};
    admission::lease assigned;
    assigned = std::move(taken);
    g.leases.clear();
    CHECK(g.owner->connections() == 1);
  }

  CHECK(g.owner->connections() == 0);
}

TEST_CASE("assigning an empty lease gives the place back at once") {
  gate g{in_all(1)};
  g.try_in("203.0.113.1");

  g.leases.back() = {};

  CHECK(g.owner->connections() == 0);
}

TEST_CASE("a lease may outlive the server that gave it") {
  gate g{in_all(1)};
  g.try_in("203.0.113.1");

  g.owner.reset();

  CHECK_NOTHROW(g.leases.clear());
}

// Pins §1.40.
TEST_CASE("an address that has had twenty tokens refused has to wait a second for each more") {
  admission a{{}};
  auto guesser = make_address("203.0.113.1"), other = make_address("203.0.113.2");
  for (int i = 0; i < 19; ++i)
    a.note_refused_token(guesser, start);
  auto before = a.seconds_to_next_try(guesser, start);
  a.note_refused_token(guesser, start);
  a.note_refused_token(guesser, start);

  CHECK(before == 0);
  CHECK(a.seconds_to_next_try(guesser, start) == 2);
  CHECK(a.seconds_to_next_try(guesser, start + 1500ms) == 0);
  CHECK(a.seconds_to_next_try(other, start) == 0);
}

// Pins §1.40.
TEST_CASE("refused tokens of the loopback count only where its connections do") {
  auto here = make_address("127.0.0.1");
  admission free{{}};
  admission::limits counted;
  counted.count_loopback = true;
  admission bound{counted};
  for (int i = 0; i < 50; ++i) {
    free.note_refused_token(here, start);
    bound.note_refused_token(here, start);
  }

  CHECK(free.seconds_to_next_try(here, start) == 0);
  CHECK(bound.seconds_to_next_try(here, start) > 0);
}

/// Pins that a crowd of guessers evicts only the addresses that failed longest ago.
// Pins §16.12.
TEST_CASE(
  "beyond ten thousand addresses with wrong tokens the one that failed longest ago is forgotten") {
  admission a{{}};
  auto guesser = make_address("203.0.113.1");
  auto now = start;
  for (int i = 0; i < 40; ++i)
    a.note_refused_token(guesser, now);
  for (unsigned i = 0; i < 9'999; ++i)
    a.note_refused_token(boost::asio::ip::address_v4{0x0a000000 + i}, now);
  CHECK(a.seconds_to_next_try(guesser, now) == 21);

  a.note_refused_token(guesser, now);
  a.note_refused_token(boost::asio::ip::address_v4{0x0b000000}, now);
  CHECK(a.seconds_to_next_try(guesser, now) == 22);
  for (unsigned i = 0; i < 10'000; ++i)
    a.note_refused_token(boost::asio::ip::address_v4{0x0c000000 + i}, now);

  CHECK(a.seconds_to_next_try(guesser, now) == 0);
}

TEST_CASE("admissions from many threads never exceed the limit and leave nothing behind") {
  constexpr std::size_t max = 5;
  auto owner = std::make_shared<admission>(in_all(max));
  std::atomic<std::size_t> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        auto a = admission::admit(owner, make_address("203.0.113.1"), start);
        auto b = admission::admit(owner, make_address("203.0.113.1"), start);
        auto seen = owner->connections();
        for (auto m = most.load(); seen > m && !most.compare_exchange_weak(m, seen);) {}
      }
    });
  for (auto& t : threads)
    t.join();

  CHECK(most <= max);
  CHECK(owner->connections() == 0);
}

TEST_CASE("a socket counts on its loop until it goes") {
  auto count = std::make_shared<std::atomic<std::size_t>>(0);
  {
    counted_socket first{count};
    counted_socket second{count};
    counted_socket moved{std::move(first)};
    CHECK(*count == 2);
    second = {};
    CHECK(*count == 1);
  }

  CHECK(*count == 0);
}
