#include "bytes/deflate.hpp"

#include <troupe/protocol/frame.hpp>

#include <zlib.h>

#include <cstring>
#include <new>
#include <string>

namespace troupe::protocol {

namespace {

constexpr std::size_t min_payload_bytes = 128;
/// One message is deflated once for all receivers; higher levels save few more bytes.
constexpr int level = 3;
constexpr int window_bits = 15;
constexpr int memory_level = 8;
constexpr std::uint8_t rsv1 = 0x40;
constexpr std::string_view flush_tail{"\0\0\xff\xff", 4};

/// The compressor of a thread; each message starts without context.
class compressor {
public:
  compressor() = default;
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;
  ~compressor() {
    if (is_ready_)
      ::deflateEnd(&stream_);
  }

  /// Deflates a whole payload, without the tail that RFC 7692 (7.2.1) leaves out. The result is
  /// valid until the next call. Errors: `std::bad_alloc`.
  std::string_view run(std::string_view payload) {
    make_ready();
    auto& out = out_;
    out.resize(::deflateBound(&stream_, static_cast<uLong>(payload.size())) + 16);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(payload.data()));
    stream_.avail_in = static_cast<uInt>(payload.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream_, Z_SYNC_FLUSH); // cannot fail: the buffer is large enough
    out.resize(out.size() - stream_.avail_out);
    if (out.ends_with(flush_tail))
      out.resize(out.size() - flush_tail.size());
    return out;
  }

private:
  /// Allocates zlib's 260 KiB at the first message: most threads never deflate one.
  void make_ready() {
    if (is_ready_) {
      ::deflateReset(&stream_);
      return;
    }
    if (::deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY)
        != Z_OK)
      throw std::bad_alloc{};
    is_ready_ = true;
  }

  z_stream stream_{};
  bool is_ready_ = false;
  std::string out_;
};

compressor& compressor_here() {
  thread_local compressor here;
  return here;
}

} // namespace

void prepare_deflate() { (void)compressor_here(); }

shared_bytes deflated_frame(const shared_bytes& frame, memory_meter* meter) {
  const auto bytes = frame.view();
  if (bytes.size() < min_payload_bytes || frame_length(bytes) != bytes.size())
    return frame;
  const auto payload = frame_payload(bytes);
  if (payload.size() < min_payload_bytes)
    return frame;
  const auto out = compressor_here().run(payload);
  if (out.size() >= payload.size())
    return frame;
  char header[max_frame_header_bytes];
  const auto op = static_cast<opcode>(static_cast<std::uint8_t>(bytes[0]) & 0x0f);
  const auto header_bytes = write_frame_header(header, op, out.size());
  header[0] = static_cast<char>(static_cast<std::uint8_t>(header[0]) | rsv1);
  const std::string_view parts[] = {{header, header_bytes}, out};
  return shared_bytes::concat(parts, meter);
}

} // namespace troupe::protocol
