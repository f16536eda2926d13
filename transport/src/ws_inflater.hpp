#pragma once

#include "ws_parts.hpp"

#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// What earlier messages of a peer have left that its next one may refer to: their last 32 KiB.
class inflate_context {
public:
  static constexpr std::size_t max_bytes = 32 * 1024;

  [[nodiscard]] std::string_view view() const noexcept { return bytes_; }
  /// Another message, inflated. Errors: `std::bad_alloc`.
  void add(std::string_view message);

private:
  std::string bytes_;
};

/// Inflates whole messages (RFC 7692, 7.2.2) for all readers of a loop, one at a time.
///
/// Takes every stream that DEFLATE allows: blocks of all kinds, any window, final blocks and others
/// behind them (7.2.3.4), and besides a payload that stops behind a block, without the start of the
/// empty one that is to end it.
///
/// Memory: none before the first message, then 7 KiB of zlib's, its window of 32 KiB and 32 KiB of
/// output; while a message is inflated besides its size once, at most `max_bytes`.
///
/// Errors: `std::bad_alloc`, and the next message is inflated as ever. Thread: one.
class ws_inflater {
public:
  struct result {
    protocol::errc error = protocol::errc::ok; ///< or `too_big`, `undecodable`
    protocol::shared_bytes message;
  };

  ws_inflater() = default;
  ws_inflater(const ws_inflater&) = delete;
  ws_inflater& operator=(const ws_inflater&) = delete;
  ~ws_inflater();

  /// `deflated`: the payloads of all fragments, together. It stops one byte beyond `max_bytes`, which is at
  /// most `shared_bytes::max_bytes`. `context`: null where the peer begins each message afresh.
  [[nodiscard]] result run(const ws_parts& deflated, std::uint64_t max_bytes,
                           inflate_context* context);

  /// What the payloads of a message of `bytes` may have, deflated as badly as zlib ever does, in
  /// that many fragments.
  [[nodiscard]] static std::uint64_t largest_payload(std::uint64_t bytes,
                                                     std::uint64_t fragments) noexcept;

  /// Memory for output that is there, also between messages.
  [[nodiscard]] std::size_t kept_bytes() const noexcept;

private:
  enum class state : std::uint8_t { within_block, behind_block, behind_stream, broken, full };

  struct piece {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  void start(std::string_view context);
  [[nodiscard]] protocol::errc inflate_all(const ws_parts& deflated);
  void start_another() noexcept;
  [[nodiscard]] state feed(std::string_view bytes);
  void add_piece();
  void drop_pieces() noexcept;
  [[nodiscard]] protocol::shared_bytes gathered() const;

  z_stream stream_{};
  bool is_ready_ = false;
  std::vector<piece> output_; ///< the first one stays
  std::size_t used_pieces_ = 0;
  std::uint64_t output_room_ = 0; ///< that may still be added
};

} // namespace troupe::transport
