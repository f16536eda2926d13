#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::protocol {

/// A scalar, or the head of a container, of a MessagePack document.
struct msgpack_token {
  enum class kind : std::uint8_t {
    nil,
    boolean,
    unsigned_integer,
    negative_integer,
    real,
    string,
    binary,
    array,
    map,
    extension
  };

  kind what = kind::nil;
  std::string_view raw;  ///< the whole encoded scalar, or the head of a container
  std::string_view text; ///< of a string or byte string
  /// The integer in two's complement, the boolean, or the number of elements or pairs.
  std::uint64_t number = 0;
  double real = 0;

  [[nodiscard]] bool is_container() const noexcept {
    return what == kind::array || what == kind::map;
  }
};

/// Reads one token from the start of `bytes`. Returns false if it is invalid or cut short, or
/// declares more elements than the bytes left can hold. Does not check UTF-8 or finiteness.
[[nodiscard]] bool read_msgpack_token(std::string_view bytes, msgpack_token& token) noexcept;

} // namespace troupe::protocol
