#include <troupe/transport/option_text.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe::transport;

TEST_CASE("an address is one of IPv4 or IPv6 and nothing else") {
  for (auto good : {"127.0.0.1", "0.0.0.0", "::", "::1", "fd00::1", "::ffff:10.0.0.1"})
    CHECK(is_address(good));
  for (auto bad :
       {"", "localhost", "127.0.0.1:80", "[::1]", "10.0.0.0/8", "1.2.3", "256.0.0.1", " ::1"}) {
    INFO(bad);
    CHECK_FALSE(is_address(bad));
  }
  CHECK_FALSE(is_address(std::string{"127.0.0.1\0x", 11}));
}

// Pins that no address listens elsewhere than it says: Asio treats an unknown interface as none.
TEST_CASE("an IPv6 address may name an interface of this machine, by name or number") {
  for (auto good : {"fe80::1%lo", "fe80::1%1", "::1%lo"}) {
    INFO(good);
    CHECK(is_address(good));
  }
  for (auto bad : {"fe80::1%nosuch", "fe80::1%", "fe80::1%0", "fe80::1%1x", "fe80::1%-1",
                   "fe80::1%4000000000", "fe80::1%99999999999", "::1%nosuch", "127.0.0.1%lo", "%lo",
                   "fe80::1%lo%lo", "fe80::1/64%lo", "fe80::1%lo/64"}) {
    INFO(bad);
    CHECK_FALSE(is_address(bad));
  }
  CHECK_FALSE(is_address(std::string{"fe80::1%lo\0x", 12}));
}

TEST_CASE("neither networks nor origins name an interface") {
  for (auto text : {"fe80::1%lo", "fe80::%lo/64", "fe80::1%nosuch"})
    CHECK_FALSE(is_network(text));
  CHECK(is_origin("http://[fe80::1]"));
  CHECK_FALSE(is_origin("http://[fe80::1%lo]"));
}

TEST_CASE("a network is an address, or one with as many bits as it has at most") {
  for (auto good : {"10.0.0.1", "10.0.0.0/8", "10.0.0.0/0", "10.0.0.1/32", "fd00::/8", "::1/128",
                    "::ffff:10.0.0.1/32"})
    CHECK(is_network(good));
  for (auto bad : {"", "lan/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129",
                   "::ffff:10.0.0.0/104"}) {
    INFO(bad);
    CHECK_FALSE(is_network(bad));
  }
}

TEST_CASE("an origin is a scheme and a host as browsers send them, with nothing behind them") {
  for (auto good :
       {"https://example.org", "http://localhost:3000", "app://x", "null", "https://[::1]",
        "https://[::1]:8443", "http://127.0.0.1:8080", "https://xn--bcher-kva.example",
        "https://example.org:80", "http://a_b.example:443"}) {
    INFO(good);
    CHECK(is_origin(good));
  }
  for (auto bad : {"",
                   "*",
                   "example.org",
                   "https://",
                   "://x",
                   "https://example.org/",
                   "https://a.example?b",
                   "https://a.example#b",
                   "https://a b",
                   "https://example.org:443",
                   "http://example.org:80",
                   "HTTPS://example.org",
                   "https://EXAMPLE.org",
                   "https://user@host",
                   "https://h:99999",
                   "https://h:x",
                   "https://h:",
                   "https://h:08443",
                   "https://a:b:c",
                   "1://h",
                   "*://h",
                   "https://*.example.org",
                   "https://h\x01",
                   "https://[::1",
                   "https://[1.2.3.4]",
                   "https://::1"}) {
    INFO(bad);
    CHECK_FALSE(is_origin(bad));
  }
}

TEST_CASE("the probes' address may be left out, its port may not") {
  auto parts = [](const char* text) { return read_address_and_port(text).value(); };
  CHECK(parts("127.0.0.1:9090") == address_and_port{"127.0.0.1", 9090});
  CHECK(parts("[::1]:0") == address_and_port{"::1", 0});
  CHECK(parts("::1:9090") == address_and_port{"::1", 9090});
  CHECK(parts(":9090") == address_and_port{"", 9090});
  CHECK(parts("[fe80::1%lo]:9090") == address_and_port{"fe80::1%lo", 9090});
  CHECK(parts("fe80::1%lo:9090") == address_and_port{"fe80::1%lo", 9090});
  for (auto bad : {"", "9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:9x",
                   "localhost:9090", "[::1]", "[::1:80", "[]:80", "[127.0.0.1]:80",
                   "[fe80::1%nosuch]:80", "fe80::1%nosuch:80"}) {
    INFO(bad);
    CHECK_FALSE(read_address_and_port(bad));
  }
}

TEST_CASE("an address and its port are written as URLs have them, and read again") {
  CHECK(write_address_and_port("127.0.0.1", 80) == "127.0.0.1:80");
  CHECK(write_address_and_port("::1", 8080) == "[::1]:8080");
  CHECK(write_address_and_port("", 9090) == ":9090");
  for (auto text : {"127.0.0.1:9090", "[fe80::1%lo]:0", ":65535"}) {
    auto parts = read_address_and_port(text).value();
    CHECK(write_address_and_port(parts.first, parts.second) == text);
  }
}
