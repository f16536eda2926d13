#include <troupe/actors/seeded_hash.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe::actors;

namespace {

/// The key of the reference implementation's vectors: bytes 0 to 15.
constexpr hash_key counting{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string counted(std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i)
    text += static_cast<char>(i);
  return text;
}

} // namespace

// The values are OpenSSL 3.0's: EVP_MAC "SIPHASH", size 8, c-rounds 1, d-rounds 3.
TEST_CASE("it is SipHash-1-3") {
  CHECK(siphash(counting, "") == 0xabac0158050fc4dc);
  CHECK(siphash(counting, counted(7)) == 0xd3927d989bb11140);
  CHECK(siphash(counting, counted(8)) == 0x369095118d299a8e);
  CHECK(siphash(counting, counted(15)) == 0xd320d86d2a519956);
}

TEST_CASE("two keys hash one text differently, one seed always the same") {
  CHECK(siphash(hash_key::random(), "room") != siphash(hash_key::random(), "room"));
  CHECK(siphash(hash_key::from(7), "room") == siphash(hash_key::from(7), "room"));
  CHECK(siphash(hash_key::from(7), "room") != siphash(hash_key::from(8), "room"));
}

TEST_CASE("a table's own hash is seeded by chance") {
  CHECK(seeded_hash{}("room") != seeded_hash{}("room"));
}
