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
  std::string_view raw;  ///< the whole encoded scalar; of a container its head
  std::string_view text; ///< of a string or byte string
  /// The integer in two's complement, the boolean, or how many elements or pairs.
  std::uint64_t number = 0;
  double real = 0;

  [[nodiscard]] bool is_container() const noexcept {
    return what == kind::array || what == kind::map;
  }
};

/// Reads one token from the start of `bytes`; false if it is none or cut short, or declares more
/// than the bytes left can hold. Neither UTF-8 nor finiteness is checked.
[[nodiscard]] bool read_msgpack_token(std::string_view bytes, msgpack_token& token) noexcept;

} // namespace troupe::protocol
