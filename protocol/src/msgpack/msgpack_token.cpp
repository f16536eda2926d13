#include "msgpack/msgpack_token.hpp"

#include <bit>
#include <cstddef>

namespace troupe::protocol {

namespace {

using kind = msgpack_token::kind;

/// Reads the parts of one token, never beyond the end.
class token_reader {
public:
  token_reader(std::string_view bytes, msgpack_token& token) : bytes_(bytes), token_(token) {}

  bool read() {
    if (bytes_.empty())
      return false;
    const auto tag = static_cast<std::uint8_t>(bytes_[0]);
    at_ = 1;
    return tag < 0xc0 || tag >= 0xe0 ? read_fixed(tag) : read_tagged(tag);
  }

private:
  bool read_fixed(std::uint8_t tag) {
    if (tag < 0x80)
      return done(kind::unsigned_integer, tag);
    if (tag < 0x90)
      return container(kind::map, tag & 0x0f);
    if (tag < 0xa0)
      return container(kind::array, tag & 0x0f);
    if (tag < 0xc0)
      return bytes(kind::string, tag & 0x1f);
    return done(kind::negative_integer, static_cast<std::uint64_t>(static_cast<std::int8_t>(tag)));
  }

  bool read_tagged(std::uint8_t tag) {
    switch (tag) {
      case 0xc0: return done(kind::nil, 0);
      case 0xc2:
      case 0xc3: return done(kind::boolean, tag & 1);
      case 0xc4:
      case 0xc5:
      case 0xc6: return sized_bytes(kind::binary, 1u << (tag - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9: return extension(1u << (tag - 0xc7));
      case 0xca:
      case 0xcb: return real(tag == 0xca ? 4 : 8);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf: return unsigned_integer(1u << (tag - 0xcc));
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3: return signed_integer(1u << (tag - 0xd0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8: return bytes(kind::extension, 1 + (1u << (tag - 0xd4)));
      case 0xd9:
      case 0xda:
      case 0xdb: return sized_bytes(kind::string, 1u << (tag - 0xd9));
      case 0xdc:
      case 0xdd: return sized_container(kind::array, tag == 0xdc ? 2 : 4);
      case 0xde:
      case 0xdf: return sized_container(kind::map, tag == 0xde ? 2 : 4);
      default: return false; // 0xc1 is never used
    }
  }

  /// A big-endian number of `width` bytes.
  bool take(std::size_t width, std::uint64_t& value) {
    if (bytes_.size() - at_ < width)
      return false;
    value = 0;
    for (std::size_t i = 0; i < width; ++i)
      value = value << 8 | static_cast<std::uint8_t>(bytes_[at_ + i]);
    at_ += width;
    return true;
  }

  bool unsigned_integer(std::size_t width) {
    std::uint64_t value = 0;
    return take(width, value) && done(kind::unsigned_integer, value);
  }

  bool signed_integer(std::size_t width) {
    std::uint64_t value = 0;
    if (!take(width, value))
      return false;
    const auto unused_bits = 64 - 8 * width;
    const auto number = static_cast<std::int64_t>(value << unused_bits) >> unused_bits;
    return done(number < 0 ? kind::negative_integer : kind::unsigned_integer,
                static_cast<std::uint64_t>(number));
  }

  bool real(std::size_t width) {
    std::uint64_t bits = 0;
    if (!take(width, bits))
      return false;
    token_.real = width == 4 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                             : std::bit_cast<double>(bits);
    return done(kind::real, 0);
  }

  bool bytes(kind what, std::uint64_t size) {
    if (size > bytes_.size() - at_)
      return false;
    token_.text = bytes_.substr(at_, size);
    at_ += size;
    return done(what, 0);
  }

  bool sized_bytes(kind what, std::size_t width) {
    std::uint64_t size = 0;
    return take(width, size) && bytes(what, size);
  }

  bool extension(std::size_t width) {
    std::uint64_t size = 0;
    return take(width, size) && bytes(kind::extension, 1 + size);
  }

  bool sized_container(kind what, std::size_t width) {
    std::uint64_t count = 0;
    return take(width, count) && container(what, count);
  }

  /// An element costs at least one byte, a pair two.
  bool container(kind what, std::uint64_t count) {
    const std::uint64_t smallest = what == kind::map ? 2 : 1;
    return count * smallest <= bytes_.size() - at_ && done(what, count);
  }

  bool done(kind what, std::uint64_t number) {
    token_.what = what;
    token_.number = number;
    token_.raw = bytes_.substr(0, at_);
    return true;
  }

  std::string_view bytes_;
  msgpack_token& token_;
  std::size_t at_ = 0;
};

} // namespace

bool read_msgpack_token(std::string_view bytes, msgpack_token& token) noexcept {
  return token_reader{bytes, token}.read();
}

} // namespace troupe::protocol
