#include "tls/hello_guard.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe::transport;

namespace {

/// A TLS record.
std::string record(int type, std::string_view body) {
  std::string all{static_cast<char>(type), 3, 1, static_cast<char>(body.size() >> 8),
                  static_cast<char>(body.size())};
  return all.append(body);
}

/// The header of a handshake message that claims `claims` bytes.
std::string message(int type, std::size_t claims) {
  return {static_cast<char>(type), static_cast<char>(claims >> 16), static_cast<char>(claims >> 8),
          static_cast<char>(claims)};
}

constexpr auto limit = hello_guard::max_hello_bytes;
constexpr int handshake = 22, change = 20, hello = 1;

/// Whether all of `bytes` passes, cut into parts of size `part`.
bool passes(const std::string& bytes, std::size_t part = 1'000'000, bool is_tls12 = false) {
  hello_guard guard;
  for (std::size_t at = 0; at < bytes.size(); at += part)
    if (!guard.pass(std::string_view{bytes}.substr(at, part), is_tls12))
      return false;
  return true;
}

} // namespace

TEST_CASE("a first message of TLS passes up to its bound, however it is cut") {
  auto part = GENERATE(as<std::size_t>{}, 1, 2, 3, 5, 9, 100, 1'000'000);
  auto whole = message(hello, 500) + std::string(500, 'x');

  CHECK(passes(record(handshake, whole), part));
  CHECK(passes(record(handshake, whole.substr(0, 2)) + record(handshake, "")
                 + record(handshake, whole.substr(2)),
               part));
  CHECK(passes(record(handshake, message(hello, limit)), part));
  CHECK_FALSE(passes(record(handshake, message(hello, limit + 1)), part));
  CHECK_FALSE(passes(record(handshake, message(hello, 131'396)), part));
  CHECK_FALSE(passes(record(handshake, message(hello, 0xffffff)), part));
}

TEST_CASE("a claim is found across records, behind other messages, and in a second hello") {
  auto part = GENERATE(as<std::size_t>{}, 1, 4, 1'000'000);
  auto large = message(hello, 100'000);
  auto small = message(hello, 300) + std::string(300, '\x01');

  CHECK_FALSE(passes(record(handshake, large.substr(0, 1)) + record(handshake, large.substr(1, 2))
                       + record(handshake, large.substr(3)),
                     part));
  CHECK_FALSE(passes(record(handshake, small + large), part));
  CHECK_FALSE(passes(record(handshake, small) + record(handshake, large), part));
  CHECK_FALSE(
    passes(record(handshake, small) + record(change, "\x01") + record(handshake, large), part));
}

TEST_CASE("what is no hello is left to OpenSSL") {
  CHECK(passes(record(handshake, message(16, 100'000))));
  CHECK(passes(record(23, message(hello, 100'000))));
  CHECK(passes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(passes(""));
}

TEST_CASE("what is encrypted is not looked at") {
  auto small = record(handshake, message(hello, 300) + std::string(300, 'x'));
  auto encrypted = record(handshake, message(hello, 100'000));

  CHECK(passes(small + record(change, "\x01") + encrypted, 7, true));
  hello_guard guard;
  CHECK(guard.pass(small));
  guard.end();
  CHECK(guard.pass(encrypted));
}
