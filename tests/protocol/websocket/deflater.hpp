#pragma once

#include <zlib.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::test {

/// Deflates one message after the other, as peers do, with any of zlib's settings.
class deflater {
public:
  explicit deflater(int level = Z_DEFAULT_COMPRESSION, int window_bits = 15, int memory_level = 8,
                    int strategy = Z_DEFAULT_STRATEGY) {
    if (::deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, memory_level, strategy) != Z_OK)
      throw std::invalid_argument{"zlib does not deflate so"};
  }
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;
  ~deflater() { ::deflateEnd(&stream_); }

  /// The payload of a message (RFC 7692, 7.2.1).
  std::string message(std::string_view text) {
    auto out = run(text, Z_SYNC_FLUSH);
    if (out.empty()) // after another flush zlib adds nothing
      return std::string(1, '\0');
    out.resize(out.size() - 4);
    return out;
  }

  /// The payload of a message that does not use earlier context.
  std::string fresh_message(std::string_view text) {
    ::deflateReset(&stream_);
    return message(text);
  }

  std::string run(std::string_view text, int flush) {
    std::string out(::deflateBound(&stream_, static_cast<uLong>(text.size())) + 64, '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream_, flush);
    out.resize(out.size() - stream_.avail_out);
    return out;
  }

private:
  z_stream stream_{};
};

} // namespace troupe::test
