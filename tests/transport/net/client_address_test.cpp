#include <utility>

#include "net/client_address.hpp"

#include <troupe/transport/server.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using namespace troupe::transport;
using boost::asio::ip::make_address;
using status = proxy_header::status;

namespace {

bool covers(std::string_view range, const char* address) {
  return address_range::parse(range)->contains(make_address(address));
}

/// The client's address, if 10.0.0.0/8 and fd00::/8 are our proxies.
std::string client(const char* peer, std::string_view forwarded_for) {
  return forwarded_address(make_address(peer), forwarded_for,
                           {*address_range::parse("10.0.0.0/8"), *address_range::parse("fd00::/8")})
    .to_string();
}

std::string source_of(const proxy_header& h) { return h.source ? h.source->to_string() : "none"; }

/// A version 2 header. `command` holds version and command, `family` family and transport, `rest`
/// the addresses and what follows them.
std::string v2(unsigned command, unsigned family, std::string_view rest) {
  std::string out{"\r\n\r\n\0\r\nQUIT\n", 12};
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  out += static_cast<char>(rest.size() >> 8);
  out += static_cast<char>(rest.size() & 0xff);
  return out.append(rest);
}

constexpr unsigned proxied = 0x21, local = 0x20;
constexpr unsigned tcp4 = 0x11, tcp6 = 0x21, unix_stream = 0x31, unspecified = 0x00;

const std::string v4_addresses{"\xcb\x00\x71\x07\x7f\x00\x00\x01\x10\x00\x00\x50", 12};
const std::string v6_addresses = std::string{"\x20\x01\x0d\xb8", 4} + std::string(11, '\0') + "\x07"
                               + std::string(16, '\0') + std::string{"\x10\x00\x01\xbb", 4};

constexpr std::string_view v1 = "PROXY TCP4 203.0.113.9 10.0.0.1 4000 80\r\n";

status state_of(std::string_view bytes) { return read_proxy_header(bytes).state; }

/// Checks that every prefix of a header is incomplete, and that no byte after the header counts as
/// part of it.
void check_cuts(const std::string& header, const char* source) {
  for (std::size_t n = 0; n < header.size(); ++n) {
    INFO(n);
    CHECK(state_of(std::string_view{header}.substr(0, n)) == status::incomplete);
  }
  for (auto& after :
       {std::string{}, std::string{"GET / HTTP/1.1\r\n"}, std::string(2000, 'x'), header}) {
    auto read = read_proxy_header(header + after);
    CHECK(read.state == status::complete);
    CHECK(read.bytes == header.size());
    CHECK(source_of(read) == source);
  }
}

} // namespace

// -- address_range --------------------------------------------------------------------------------

TEST_CASE("an address alone is a range of one") {
  CHECK(covers("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(covers("10.1.2.3", "10.1.2.4"));
  CHECK(covers("2001:db8::1", "2001:db8:0::1"));
  CHECK_FALSE(covers("2001:db8::1", "2001:db8::2"));
}

TEST_CASE("a network holds what shares its first bits") {
  CHECK(covers("10.0.0.0/8", "10.255.255.255"));
  CHECK_FALSE(covers("10.0.0.0/8", "11.0.0.0"));
  CHECK(covers("172.16.0.0/12", "172.31.255.255"));
  CHECK_FALSE(covers("172.16.0.0/12", "172.32.0.0"));
  CHECK(covers("192.0.2.128/25", "192.0.2.128"));
  CHECK_FALSE(covers("192.0.2.128/25", "192.0.2.127"));
  CHECK(covers("192.0.2.4/31", "192.0.2.5"));
  CHECK_FALSE(covers("192.0.2.4/32", "192.0.2.5"));
  CHECK(covers("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(covers("2001:db8::/33", "2001:db8:8000::1"));
  CHECK_FALSE(covers("::1/128", "::2"));
}

TEST_CASE("bits behind the network's do not matter") {
  CHECK(covers("10.1.2.3/8", "10.9.9.9"));
  CHECK(covers("2001:db8::ffff/32", "2001:db8::1"));
}

TEST_CASE("a range of no bits is all addresses of its family, and none of the other") {
  CHECK(covers("0.0.0.0/0", "255.255.255.255"));
  CHECK_FALSE(covers("0.0.0.0/0", "::1"));
  CHECK(covers("::/0", "ffff::1"));
  CHECK_FALSE(covers("::/0", "127.0.0.1"));
}

TEST_CASE("an IPv4 address mapped into IPv6 counts as IPv4, on both sides") {
  CHECK(covers("10.0.0.0/8", "::ffff:10.1.1.1"));
  CHECK(covers("::ffff:10.1.1.1", "10.1.1.1"));
  CHECK_FALSE(covers("::/0", "::ffff:10.1.1.1"));
  CHECK_FALSE(address_range::parse("::ffff:10.0.0.0/104"));
}

TEST_CASE("what is neither address nor network is no range") {
  for (auto text : {"",
                    "/",
                    "/8",
                    "x",
                    "10",
                    "10.0.0",
                    "10.0.0.0.0",
                    "10.0.0.256",
                    "010.0.0.1x",
                    " 10.0.0.1",
                    "10.0.0.1 ",
                    "10.0.0.0/",
                    "10.0.0.0/33",
                    "10.0.0.0/-1",
                    "10.0.0.0/+8",
                    "10.0.0.0/ 8",
                    "10.0.0.0/8 ",
                    "10.0.0.0/8/8",
                    "10.0.0.0/0x8",
                    "10.0.0.0/4294967304",
                    "10.0.0.0/255.0.0.0",
                    "10.0.0.0:80",
                    "::/129",
                    ":::",
                    "1::2::3",
                    "[::1]",
                    "[::1]/128",
                    "localhost",
                    "10.*",
                    "10.0.0.1-10.0.0.9"}) {
    INFO(text);
    CHECK_FALSE(address_range::parse(text));
  }
}

TEST_CASE("a zero byte does not end an address early") {
  CHECK_FALSE(address_range::parse(std::string_view{"10.0.0.1\0x", 10}));
  CHECK(client("10.0.0.1", std::string_view{"203.0.113.9\0x", 13}) == "10.0.0.1");
  CHECK(state_of(std::string{"PROXY TCP4 1.2.3.4\0 10.0.0.1 1 2\r\n", 34}) == status::malformed);
}

TEST_CASE("a server with a bad range says which one, once, before it starts") {
  server_options options;
  options.trusted_proxies = {"127.0.0.1", "10.0.0.0/33", "nonsense"};

  CHECK_THROWS_WITH(
    server{options},
    "server_options.trusted_proxies is \"10.0.0.0/33\": expected an address or a network");
}

// -- forwarded_address ----------------------------------------------------------------------------

TEST_CASE("who is not our proxy is the client, whatever it claims") {
  CHECK(client("203.0.113.9", "") == "203.0.113.9");
  CHECK(client("203.0.113.9", "127.0.0.1") == "203.0.113.9");
  CHECK(client("203.0.113.9", "1.1.1.1, 10.0.0.1") == "203.0.113.9");
  CHECK(client("11.0.0.1", "10.0.0.1") == "11.0.0.1");
}

TEST_CASE("behind our proxies the last address that is not theirs is the client") {
  CHECK(client("10.0.0.1", "203.0.113.9") == "203.0.113.9");
  CHECK(client("10.0.0.1", "203.0.113.9, 10.0.0.2, 10.0.0.3") == "203.0.113.9");
  CHECK(client("fd00::1", "2001:db8::7, fd12::1") == "2001:db8::7");
  CHECK(client("::ffff:10.0.0.1", "::ffff:203.0.113.9") == "203.0.113.9");
}

TEST_CASE("what a client puts before its own address is not believed") {
  CHECK(client("10.0.0.1", "127.0.0.1, 203.0.113.9") == "203.0.113.9");
  CHECK(client("10.0.0.1", "10.0.0.9, 6.6.6.6, 203.0.113.9, 10.0.0.2") == "203.0.113.9");
  CHECK(client("10.0.0.1", "nonsense, 203.0.113.9") == "203.0.113.9");
}

TEST_CASE("a chain of our proxies alone is the first of them") {
  CHECK(client("10.0.0.1", "") == "10.0.0.1");
  CHECK(client("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3");
}

TEST_CASE("an element may have a port, brackets and space around it") {
  CHECK(client("10.0.0.1", "203.0.113.9:4711") == "203.0.113.9");
  CHECK(client("10.0.0.1", "[2001:db8::7]:4711") == "2001:db8::7");
  CHECK(client("10.0.0.1", "[2001:db8::7]") == "2001:db8::7");
  CHECK(client("10.0.0.1", "\t203.0.113.9 ,, 10.0.0.2 , ") == "203.0.113.9");
}

TEST_CASE("an element that is no address ends the chain at the proxy that passed it on") {
  for (auto element : {"nonsense", "unknown", "_hidden", "999.1.1.1", "[", "[]", "]", ":",
                       "::1::", "\"203.0.113.9\"", "-"}) {
    INFO(element);
    CHECK(client("10.0.0.1", element) == "10.0.0.1");
    CHECK(client("10.0.0.1", std::string{"6.6.6.6, "} + element) == "10.0.0.1");
  }
}

TEST_CASE("a long list costs no more than its trusted end") {
  std::string list;
  for (int i = 0; i < 1000; ++i)
    list += "10.0.0.1, ";

  CHECK(client("10.0.0.1", "203.0.113.9, " + list) == "203.0.113.9");
}

// -- PROXY, version 1 -----------------------------------------------------------------------------

TEST_CASE("a PROXY line names the client") {
  check_cuts(std::string{v1}, "203.0.113.9");
  check_cuts("PROXY TCP6 2001:db8::7 fd00::1 4000 443\r\n", "2001:db8::7");
  check_cuts("PROXY TCP6 ::ffff:203.0.113.9 ::1 4000 443\r\n", "203.0.113.9");
}

TEST_CASE("a PROXY line of an unknown client names none, whatever follows the word") {
  check_cuts("PROXY UNKNOWN\r\n", "none");
  check_cuts("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "none");
}

TEST_CASE("a PROXY line may be as long as the specification lets it be, and no longer") {
  auto line = [](std::size_t bytes) {
    std::string out = "PROXY UNKNOWN ";
    out.resize(bytes - 2, 'x');
    return out + "\r\n";
  };

  check_cuts(line(107), "none");
  CHECK(state_of(line(107).substr(0, 106)) == status::incomplete);
  CHECK(state_of(line(108)) == status::malformed);
  CHECK(state_of(line(108).substr(0, 107)) == status::malformed);
  CHECK(state_of("PROXY " + std::string(100'000, 'x')) == status::malformed);
}

TEST_CASE("a PROXY line with anything amiss is malformed") {
  for (auto line :
       {"PROXY \r\n", "PROXY  \r\n", "PROXY TCP4\r\n", "PROXY TCP4 203.0.113.9\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1\r\n", "PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 1 2 3\r\n", "PROXY TCP4  203.0.113.9 10.0.0.1 1 2\r\n",
        "PROXY TCP4 nonsense 10.0.0.1 1 2\r\n", "PROXY TCP4 203.0.113 10.0.0.1 1 2\r\n",
        "PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n", "PROXY tcp4 203.0.113.9 10.0.0.1 1 2\r\n",
        "PROXY  UNKNOWN\r\n", "PROXY unknown\r\n", "PROXY TCP6 [2001:db8::7] ::1 1 2\r\n"}) {
    INFO(line);
    CHECK(state_of(line) == status::malformed);
  }
}

TEST_CASE("what does not start as a PROXY header does is malformed at once") {
  for (auto bytes : {"G", "GET / HTTP/1.1\r\n", "p", "proxy TCP4", "PROXYTCP4", "PX", " PROXY",
                     "\n", "\r\r", "\r\nGET", "\x16\x03\x01"}) {
    INFO(bytes);
    CHECK(state_of(bytes) == status::malformed);
  }
  CHECK(state_of(std::string_view{"\0", 1}) == status::malformed);
}

// -- PROXY, version 2 -----------------------------------------------------------------------------

TEST_CASE("a binary PROXY header names the client") {
  check_cuts(v2(proxied, tcp4, v4_addresses), "203.0.113.7");
  check_cuts(v2(proxied, tcp6, v6_addresses), "2001:db8::7");
}

TEST_CASE("a binary PROXY header may carry more than the addresses, which is skipped") {
  check_cuts(v2(proxied, tcp4, v4_addresses + "\x04" + std::string{"\0\x02xx", 4}), "203.0.113.7");
  check_cuts(v2(proxied, tcp4, v4_addresses + std::string(520 - 12, 'x')), "203.0.113.7");
}

TEST_CASE("an IPv4 client in an IPv6 header counts as IPv4") {
  auto mapped = std::string(10, '\0') + "\xff\xff\xcb" + std::string{"\0\x71\x07", 3}
              + std::string(16, '\0') + "\x10\x10\x10\x10";

  CHECK(source_of(read_proxy_header(v2(proxied, tcp6, mapped))) == "203.0.113.7");
}

TEST_CASE("a proxy that speaks for itself, or for no internet address, names no client") {
  check_cuts(v2(local, unspecified, ""), "none");
  check_cuts(v2(local, tcp4, v4_addresses), "none");
  check_cuts(v2(proxied, unspecified, ""), "none");
  check_cuts(v2(proxied, unspecified, "xxxx"), "none");
  check_cuts(v2(proxied, unix_stream, std::string(216, 'x')), "none");
}

TEST_CASE("a binary PROXY header of another version or with another command is malformed") {
  for (unsigned command = 0; command < 256; ++command) {
    INFO(command);
    CHECK((state_of(v2(command, tcp4, v4_addresses)) == status::complete)
          == (command == local || command == proxied));
  }
}

TEST_CASE("a binary PROXY header that is too long is malformed before it is read") {
  CHECK(state_of(v2(proxied, tcp4, std::string(521, 'x'))) == status::malformed);
  CHECK(state_of(v2(proxied, tcp4, std::string(0xffff, 'x')).substr(0, 16)) == status::malformed);
  CHECK(state_of(v2(local, tcp4, std::string(0xffff, 'x')).substr(0, 16)) == status::malformed);
}

TEST_CASE("a binary PROXY header too short for the addresses of its family is malformed") {
  for (std::size_t n = 0; n < v4_addresses.size(); ++n)
    CHECK(state_of(v2(proxied, tcp4, v4_addresses.substr(0, n))) == status::malformed);
  for (std::size_t n = 0; n < v6_addresses.size(); ++n)
    CHECK(state_of(v2(proxied, tcp6, v6_addresses.substr(0, n))) == status::malformed);
}

TEST_CASE("a signature with any bit turned is malformed") {
  const auto header = v2(proxied, tcp4, v4_addresses);
  for (std::size_t i = 0; i < 12; ++i)
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto turned = header;
      turned[i] = static_cast<char>(static_cast<unsigned char>(turned[i]) ^ (1u << bit));
      CHECK(state_of(turned) == status::malformed);
    }
}

TEST_CASE("noise behind a good signature never claims bytes that are not there") {
  auto header = v2(proxied, tcp4, v4_addresses);
  for (unsigned value = 0; value < 256; ++value)
    for (std::size_t at : {12, 13, 14, 15}) {
      auto noisy = header;
      noisy[at] = static_cast<char>(value);
      auto read = read_proxy_header(noisy);
      CHECK(read.bytes <= noisy.size());
      CHECK((read.state == status::complete) == (read.bytes > 0));
    }
}
