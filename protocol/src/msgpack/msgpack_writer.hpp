#pragma once

#include "text/unicode.hpp"

#include <msgpack/pack.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// Appends the parts of one MessagePack document to a string.
class msgpack_writer {
public:
  explicit msgpack_writer(std::string& out) : sink_{out}, packer_(sink_) {}
  msgpack_writer(const msgpack_writer&) = delete;
  msgpack_writer& operator=(const msgpack_writer&) = delete;

  void begin_map(std::size_t pairs) { packer_.pack_map(size32(pairs)); }
  void end_map() noexcept {}
  void begin_array(std::size_t elements) { packer_.pack_array(size32(elements)); }
  void end_array() noexcept {}
  void key(std::string_view name) { text(name); }
  void plain_key(std::string_view name) { text(name); }

  void null() { packer_.pack_nil(); }

  void boolean(bool value) {
    if (value)
      packer_.pack_true();
    else
      packer_.pack_false();
  }

  void integer(std::int64_t value) { packer_.pack_int64(value); }
  void integer(std::uint64_t value) { packer_.pack_uint64(value); }

  /// Writes a float64, even for an integral value, which the packer would write as an integer;
  /// writes `nil` if `value` is not finite.
  void real(double value) {
    if (!std::isfinite(value))
      return null();
    char bytes[9] = {'\xcb'};
    auto bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 8; i > 0; --i, bits >>= 8)
      bytes[i] = static_cast<char>(bits & 0xff);
    sink_.write(bytes, sizeof bytes);
  }

  /// Invalid UTF-8 becomes U+FFFD.
  void text(std::string_view value) {
    if (!is_utf8(value)) {
      std::string repaired;
      append_repaired(repaired, value);
      return text(repaired);
    }
    packer_.pack_str(size32(value.size()));
    sink_.write(value.data(), value.size());
  }

  void binary(std::string_view bytes) {
    packer_.pack_bin(size32(bytes.size()));
    sink_.write(bytes.data(), bytes.size());
  }

  /// A value that is MessagePack already.
  void verbatim(std::string_view raw) { sink_.write(raw.data(), raw.size()); }

private:
  struct string_sink {
    std::string& out;
    void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
  };

  static std::uint32_t size32(std::size_t size) {
    if (size > std::numeric_limits<std::uint32_t>::max())
      throw std::length_error{"too long for MessagePack"};
    return static_cast<std::uint32_t>(size);
  }

  string_sink sink_;
  msgpack::packer<string_sink> packer_;
};

} // namespace troupe::protocol
