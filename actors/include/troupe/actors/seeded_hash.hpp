#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace troupe::actors {

/// 128 secret bits that nobody outside the process knows.
struct hash_key {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  /// From the system's random source.
  [[nodiscard]] static hash_key random();
  /// Always the same for one `seed`: for tests that must be repeatable.
  [[nodiscard]] static hash_key from(std::uint64_t seed) noexcept;
};

/// SipHash-1-3 of `text`: without the key nobody can find texts that collide.
///
/// Cost: about a nanosecond for eight bytes. Thread: any.
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
[[nodiscard]] inline std::uint64_t siphash(const hash_key& key, std::string_view text) noexcept {
  std::uint64_t v0 = key.low ^ 0x736f6d6570736575, v1 = key.high ^ 0x646f72616e646f6d;
  std::uint64_t v2 = key.low ^ 0x6c7967656e657261, v3 = key.high ^ 0x7465646279746573;
  auto round = [&] {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  };
  auto take = [&](std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  };
  auto last = std::uint64_t{text.size()} << 56;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), 8);
    take(word);
  }
  for (std::size_t i = 0; i < text.size(); ++i)
    last |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  take(last);
  v2 ^= 0xff;
  round(), round(), round();
  return v0 ^ v1 ^ v2 ^ v3;
}

/// For hash tables whose keys are texts that clients choose. A default-constructed one has a random
/// key of its own.
class seeded_hash {
public:
  using is_transparent = void;

  seeded_hash() : key_(hash_key::random()) {}
  explicit seeded_hash(hash_key key) noexcept : key_(key) {}

  [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
    return siphash(key_, text);
  }

private:
  hash_key key_;
};

} // namespace troupe::actors
