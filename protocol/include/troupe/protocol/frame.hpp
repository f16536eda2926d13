#pragma once

#include <troupe/protocol/shared_bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::protocol {

/// WebSocket opcodes (RFC 6455, 5.2).
enum class opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

inline constexpr std::size_t max_frame_header_bytes = 10;

/// The largest payload of a control frame, and of a frame with the shortest header (RFC 6455, 5.2
/// and 5.5).
inline constexpr std::size_t max_control_bytes = 125;

/// Writes the header of a final, unmasked frame and returns its length: 2, 4 or 10. `out` has room
/// for 10 bytes.
std::size_t write_frame_header(char* out, opcode op, std::uint64_t payload_bytes) noexcept;

[[nodiscard]] shared_bytes make_frame(opcode op, std::string_view payload,
                                      memory_meter* meter = nullptr);

/// Makes a close frame; cuts the reason to 123 bytes at a character boundary (RFC 6455, 5.5).
[[nodiscard]] shared_bytes make_close_frame(std::uint16_t code, std::string_view reason,
                                            memory_meter* meter = nullptr);

/// Deflates the payload of one data frame (RFC 7692, no context takeover, RSV1 set) for all clients
/// that can take it.
///
/// Returns `frame` itself where deflating does not pay: for a payload that has less than 128 bytes
/// or does not shrink, and for a run of several frames.
/// Cost: one allocation, counted against `meter`; each thread has one compressor (some 270 KB,
/// allocated at its first call). zlib takes some 30 ms for each MiB, without a pause.
/// Precondition: `frame` holds whole data frames made by this layer, not deflated.
[[nodiscard]] shared_bytes deflated_frame(const shared_bytes& frame, memory_meter* meter = nullptr);

/// The length of the whole server frame that starts at `bytes`. Precondition: `bytes` starts with a
/// complete header written by this layer.
[[nodiscard]] std::size_t frame_length(std::string_view bytes) noexcept;

/// The payload of the frame that starts at `bytes`. Precondition: the whole frame is there.
[[nodiscard]] std::string_view frame_payload(std::string_view bytes) noexcept;

/// Where a frame starts and ends in a run of frames.
struct frame_bounds {
  std::size_t begin = 0;
  std::size_t end = 0;
};
/// The bounds of the frame that contains byte `offset`, in a run of whole frames written by this
/// layer. Cost: linear in the frames before it.
[[nodiscard]] frame_bounds frame_around(std::string_view frames, std::size_t offset) noexcept;

} // namespace troupe::protocol
