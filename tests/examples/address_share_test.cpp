#include "file/address_share.hpp"

#include <catch2/catch.hpp>

using troupe::examples::share_of;

TEST_CASE("an IPv4 address has a share of its own, IPv6 addresses have one for each /64") {
  CHECK(share_of("192.0.2.1") != share_of("192.0.2.2"));
  CHECK(share_of("2001:db8::1") == share_of("2001:db8:0:0:ffff::2"));
  CHECK(share_of("2001:db8::1") != share_of("2001:db8:0:1::1"));
  CHECK(share_of("::ffff:192.0.2.1") != share_of("::ffff:192.0.2.2"));
  CHECK(share_of("no address") == "no address");
}
