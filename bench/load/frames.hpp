#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace troupe::bench {

/// One frame as a server sent it, or its start.
struct frame_view {
  unsigned opcode = 0;
  bool deflated = false;
  /// The whole payload if it is short or deflated, else its first `looked_at` bytes.
  std::string_view start;
  std::uint64_t size = 0; ///< of the payload
};

/// Cuts a server's stream into frames. Skips the rest of a long payload instead of copying it.
class frame_reader {
public:
  static constexpr std::size_t looked_at = 320;

  /// Calls `take(const frame_view&)` for each frame whose start has come.
  template <class Take>
  void read(std::string_view bytes, Take&& take) {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        auto n = skip_ < bytes.size() ? static_cast<std::size_t>(skip_) : bytes.size();
        skip_ -= n;
        bytes.remove_prefix(n);
      } else if (held_.empty()) {
        auto need = needed(bytes);
        if (bytes.size() < need) {
          held_ = bytes;
          return;
        }
        emit(bytes, need, take);
        bytes.remove_prefix(need);
      } else {
        auto need = needed(held_);
        auto missing = need - held_.size();
        held_.append(bytes.substr(0, missing));
        bytes.remove_prefix(bytes.size() < missing ? bytes.size() : missing);
        if (held_.size() < needed(held_))
          continue; // the header was incomplete, or more bytes are missing
        std::string whole;
        whole.swap(held_);
        emit(whole, whole.size(), take);
      }
    }
  }

private:
  struct header {
    std::size_t size = 2;
    std::uint64_t payload = 0;
  };

  static header header_of(std::string_view bytes) noexcept {
    auto byte = [&](std::size_t i) {
      return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i]));
    };
    auto length = byte(1) & 0x7f;
    header h;
    h.size = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (bytes.size() < h.size)
      return h;
    h.payload = h.size == 2 ? length : 0;
    for (std::size_t i = 2; i < h.size; ++i)
      h.payload = h.payload << 8 | byte(i);
    return h;
  }

  /// How many bytes must have come before the frame can be handed over.
  static std::size_t needed(std::string_view bytes) noexcept {
    if (bytes.size() < 2)
      return 2;
    auto h = header_of(bytes);
    if (bytes.size() < h.size)
      return h.size;
    bool whole = (static_cast<unsigned char>(bytes[0]) & 0x40) != 0 || h.payload <= looked_at;
    return h.size + (whole ? static_cast<std::size_t>(h.payload) : looked_at);
  }

  template <class Take>
  void emit(std::string_view bytes, std::size_t need, Take&& take) {
    auto h = header_of(bytes);
    auto first = static_cast<unsigned char>(bytes[0]);
    skip_ = h.payload - (need - h.size);
    take(frame_view{first & 0x0fU, (first & 0x40) != 0, bytes.substr(h.size, need - h.size),
                    h.payload});
  }

  std::string held_;
  std::uint64_t skip_ = 0;
};

/// A client's frame, masked with 0.
[[nodiscard]] std::string masked_frame(unsigned opcode, std::string_view payload);

/// Inflates the start of a deflated payload (RFC 7692 without context takeover).
class inflater {
public:
  inflater();
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;
  ~inflater();

  /// At most the first `frame_reader::looked_at` bytes, valid until the next call.
  [[nodiscard]] std::string_view start_of(std::string_view deflated);

private:
  struct state;
  state* state_;
};

} // namespace troupe::bench
