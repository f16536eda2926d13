#pragma once

#include <troupe/actors/outbox.hpp>

#include "fake_socket.hpp"

#include <troupe/protocol/frame.hpp>

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

using actors::byte_range;
using actors::output_kind;
using protocol::shared_bytes;
using actors::outbox;

inline constexpr actors::steady_time start{std::chrono::hours{1}};

inline shared_bytes frame_of(std::size_t payload_bytes, char fill = 'x') {
  return protocol::make_frame(protocol::opcode::text, std::string(payload_bytes, fill));
}

inline shared_bytes batch_of(std::initializer_list<shared_bytes> frames) {
  std::vector<std::string_view> parts;
  for (auto& f : frames)
    parts.push_back(f.view());
  return shared_bytes::concat(parts);
}

inline byte_range whole(const shared_bytes& b) { return {0, static_cast<std::uint32_t>(b.size())}; }

/// An outbox with a socket and a clock.
struct outbox_rig {
  explicit outbox_rig(outbox::bounds b = {}) : box(b, &copies) {}

  outbox::status write(const shared_bytes& bytes, std::vector<byte_range> parts,
                       std::uint32_t frames) {
    return box.write(
      bytes, parts, frames, [this] { return ++clock_looks, now; }, socket);
  }
  outbox::status write_all(const std::vector<shared_bytes>& frames) {
    std::vector<actors::output_piece> pieces;
    for (auto& f : frames)
      pieces.push_back({&f, whole(f), 1});
    return box.write_all(
      pieces, [this] { return ++clock_looks, now; }, socket);
  }
  outbox::status write(const shared_bytes& frame) { return write(frame, {whole(frame)}, 1); }
  void append(const shared_bytes& frame, output_kind kind = output_kind::data) {
    box.append(frame, whole(frame), 1, kind, now);
  }
  std::size_t cut() { return box.cut(close_frame, now); }
  outbox::status flush() { return box.flush(now, socket); }

  /// Sends everything that is queued; returns all that the socket has received.
  std::string drain() {
    socket.room.reset();
    flush();
    return socket.take();
  }

  protocol::memory_meter copies; ///< the outbox's copies
  outbox box;
  fake_socket socket;
  actors::steady_time now = start;
  int clock_looks = 0;
  shared_bytes close_frame = protocol::make_close_frame(1013, "slow_consumer");
};

inline std::string text(const shared_bytes& b) { return std::string{b.view()}; }

inline std::string text_of(const std::vector<shared_bytes>& frames) {
  std::string all;
  for (auto& f : frames)
    all += f.view();
  return all;
}

} // namespace troupe::test
