#pragma once

#include "websocket/ws_parts.hpp"

#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::protocol {

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

/// Inflates a message in steps (RFC 7692, 7.2.2), and then the next one.
///
/// Takes every stream that DEFLATE allows: blocks of all kinds, any window, final blocks and others
/// behind them (7.2.3.4), and besides a payload that stops behind a block, without the start of the
/// empty one that is to end it.
///
/// Memory: none before the first message, then 7 KiB of zlib's, its window of 32 KiB and 32 KiB of
/// output; while a message is inflated besides its output, and twice that as it ends.
///
/// Errors: `std::bad_alloc`, and the next message is inflated as ever. Thread: one.
class ws_inflation {
public:
  struct result {
    errc error = errc::ok; ///< or `too_big`, `undecodable`
    shared_bytes message;
  };

  /// What one step takes, but for a piece, and makes, but for the last piece of output (as much
  /// again at most): the worst block headers take zlib some milliseconds.
  static constexpr std::size_t step_input = 16 * 1024;
  static constexpr std::size_t step_output = 256 * 1024;

  ws_inflation() = default;
  ws_inflation(const ws_inflation&) = delete;
  ws_inflation& operator=(const ws_inflation&) = delete;
  ~ws_inflation();

  /// `deflated`: the payloads of all fragments, together. It stops one byte beyond `max_bytes`,
  /// which is at most `shared_bytes::max_bytes`. `context`: null where the peer begins each message
  /// afresh. Both outlive `finish`, or `drop`.
  void start(const ws_parts& deflated, std::uint64_t max_bytes, inflate_context* context);

  /// Whether the message is done: the next call is `finish`. Precondition: one was started.
  [[nodiscard]] bool step();

  /// What has become of it. Precondition: `step` has said so.
  [[nodiscard]] result finish();

  /// Forgets the message.
  void drop() noexcept;

  /// Memory for output that stays between messages.
  [[nodiscard]] std::size_t kept_bytes() const noexcept;

private:
  enum class state : std::uint8_t {
    within_block,
    behind_block,
    behind_stream,
    paused, ///< with input left
    broken,
    full,
  };

  struct piece {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  void reset(std::string_view context);
  void start_another() noexcept;
  void feed(std::string_view bytes);
  [[nodiscard]] state inflate();
  void add_piece();
  [[nodiscard]] errc error() const noexcept;
  [[nodiscard]] shared_bytes gathered() const;

  z_stream stream_{};
  bool is_ready_ = false;
  bool has_tail_ = false; ///< it was fed what each message leaves out
  state where_ = state::within_block;
  const ws_parts* deflated_ = nullptr;
  std::size_t next_piece_ = 0; ///< of `deflated_`
  inflate_context* context_ = nullptr;
  std::vector<piece> output_; ///< the first one stays
  std::size_t used_pieces_ = 0;
  std::uint64_t output_room_ = 0; ///< that may still be added
  std::size_t made_ = 0;          ///< pieces of output in the step under way, in bytes
};

} // namespace troupe::protocol
