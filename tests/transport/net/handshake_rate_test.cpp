#include "net/handshake_rate.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;

namespace {

constexpr actors::steady_time start{1h};

/// How many of `tries` handshakes an address may do at that time.
int admitted(handshake_rate& rate, const std::string& from, int tries,
             actors::steady_time now = start) {
  int count = 0;
  for (int i = 0; i < tries; ++i)
    count += rate.admit(boost::asio::ip::make_address(from), now) ? 1 : 0;
  return count;
}

} // namespace

// Pins §16.40.
TEST_CASE("an address does five seconds' worth of TLS handshakes at once, then its rate") {
  handshake_rate rate{{20, false}};

  CHECK(admitted(rate, "192.0.2.1", 1000) == 100);
  CHECK(admitted(rate, "192.0.2.1", 1000, start + 49ms) == 0);
  CHECK(admitted(rate, "192.0.2.1", 1000, start + 50ms) == 1);
  CHECK(admitted(rate, "192.0.2.1", 1000, start + 1050ms) == 20);
  CHECK(admitted(rate, "192.0.2.1", 1000, start + 1h) == 100);
}

TEST_CASE("handshakes that were refused keep nobody out for longer") {
  handshake_rate rate{{1, false}};
  CHECK(admitted(rate, "192.0.2.1", 5) == 5);

  for (int ms = 0; ms < 1000; ++ms)
    CHECK_FALSE(rate.admit(boost::asio::ip::make_address("192.0.2.1"),
                           start + std::chrono::milliseconds{ms}));

  CHECK(admitted(rate, "192.0.2.1", 5, start + 1s) == 1);
}

TEST_CASE("handshakes of one address leave those of others alone; IPv6 counts by /64") {
  handshake_rate rate{{2, false}};

  CHECK(admitted(rate, "192.0.2.1", 100) == 10);
  CHECK(admitted(rate, "192.0.2.2", 100) == 10);
  CHECK(admitted(rate, "::ffff:192.0.2.2", 100) == 0);
  CHECK(admitted(rate, "2001:db8:0:1::1", 6) == 6);
  CHECK(admitted(rate, "2001:db8:0:1::2", 100) == 4);
  CHECK(admitted(rate, "2001:db8:0:2::1", 100) == 10);
}

TEST_CASE("a rate of handshakes below one a second still lets one in") {
  handshake_rate rate{{0.1, false}};

  CHECK(admitted(rate, "192.0.2.1", 10) == 1);
  CHECK(admitted(rate, "192.0.2.1", 10, start + 9s) == 0);
  CHECK(admitted(rate, "192.0.2.1", 10, start + 10s) == 1);
}

TEST_CASE("handshakes of the loopback have a rate only if asked, and 0 lifts the rate") {
  handshake_rate exempt{{1, false}}, counted{{1, true}}, lifted{{0, true}};

  for (auto* loopback : {"127.0.0.1", "::1", "127.9.9.9"}) {
    CHECK(admitted(exempt, loopback, 1000) == 1000);
    CHECK(admitted(counted, loopback, 1000) == 5);
    CHECK(admitted(lifted, loopback, 1000) == 1000);
  }
}
