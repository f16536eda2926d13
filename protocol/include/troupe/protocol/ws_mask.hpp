#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace troupe::protocol {

/// The mask of one frame (RFC 6455, 5.3), rotated to the next byte of the payload. A default one
/// changes nothing.
class ws_mask {
public:
  ws_mask() noexcept = default;
  /// `key`: four bytes.
  explicit ws_mask(const char* key) noexcept { std::memcpy(&key_, key, sizeof key_); }

  /// Copies the next `size` bytes of the payload, unmasked. Returns whether all of them are ASCII.
  bool copy(char* out, const char* in, std::size_t size) noexcept {
    const auto key = std::exchange(key_, for_next_byte(key_, size));
    const auto seen = size < word_bytes ? copy_few(out, in, size, key)
                                        : copy_words(out, in, size, std::uint64_t{key} << 32 | key);
    return (seen & high_bits) == 0;
  }

private:
  static constexpr std::size_t word_bytes = sizeof(std::uint64_t);
  static constexpr std::uint64_t high_bits = 0x8080808080808080;

  /// The last word ends at the last byte, so it may overlap the one before. Precondition: at least
  /// one word.
  static std::uint64_t copy_words(char* out, const char* in, std::size_t size,
                                  std::uint64_t key) noexcept {
    std::uint64_t seen = 0;
    std::size_t at = 0;
    for (; at + 2 * word_bytes <= size; at += 2 * word_bytes)
      seen |= copy_word(out + at, in + at, key)
            | copy_word(out + at + word_bytes, in + at + word_bytes, key);
    if (at + word_bytes <= size)
      seen |= copy_word(out + at, in + at, key);
    const auto last = size - word_bytes;
    return seen | copy_word(out + last, in + last, for_next_byte(key, last));
  }

  static std::uint64_t copy_word(char* out, const char* in, std::uint64_t key) noexcept {
    std::uint64_t word;
    std::memcpy(&word, in, sizeof word);
    word ^= key;
    std::memcpy(out, &word, sizeof word);
    return word;
  }

  static std::uint64_t copy_few(char* out, const char* in, std::size_t size,
                                std::uint32_t key) noexcept {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < size; ++i, key = for_next_byte(key, 1)) {
      out[i] = static_cast<char>(in[i] ^ first_byte(key));
      seen |= static_cast<std::uint8_t>(out[i]);
    }
    return seen;
  }

  /// The key, rotated for the byte that comes `bytes` later.
  template <class Word>
  static Word for_next_byte(Word key, std::size_t bytes) noexcept {
    const auto bits = static_cast<int>(bytes % 4 * 8);
    return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
  }

  static char first_byte(std::uint32_t key) noexcept {
    char byte;
    std::memcpy(&byte, &key, 1);
    return byte;
  }

  std::uint32_t key_ = 0; ///< its first byte in memory masks the next byte
};

} // namespace troupe::protocol
