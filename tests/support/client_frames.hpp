#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::test {

/// How a frame encodes its length: in the shortest form that holds it, or in a longer one.
enum class length_form : std::uint8_t { shortest, two_bytes, eight_bytes };

/// The header of a client's frame. `opcode` includes the reserved bits, but not `fin`.
inline std::string client_header(bool fin, unsigned opcode, std::uint64_t length,
                                 length_form form = length_form::shortest, bool masked = true) {
  std::string out{static_cast<char>((fin ? 0x80u : 0u) | opcode)};
  auto mask_bit = masked ? 0x80u : 0u;
  auto big_endian = [&](unsigned mark, int bytes) {
    out += static_cast<char>(mask_bit | mark);
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out += static_cast<char>(length >> shift & 0xff);
  };
  if (form == length_form::eight_bytes || length > 0xffff)
    big_endian(127, 8);
  else if (form == length_form::two_bytes || length > 125)
    big_endian(126, 2);
  else
    out += static_cast<char>(mask_bit | length);
  return masked ? out + "mask" : out;
}

inline std::string client_frame(bool fin, unsigned opcode, std::string_view payload) {
  return client_header(fin, opcode, payload.size()) + std::string{payload};
}

/// A client's frame, with a masked payload.
inline std::string masked_frame(bool fin, unsigned opcode, std::string_view payload,
                                length_form form = length_form::shortest) {
  auto out = client_header(fin, opcode, payload.size(), form);
  const auto key = out.substr(out.size() - 4);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

} // namespace troupe::test
