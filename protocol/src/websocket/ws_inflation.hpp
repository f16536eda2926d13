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

/// The last 32 KiB of a peer's earlier messages, to which its next message may refer.
class inflate_context {
public:
  static constexpr std::size_t max_bytes = 32 * 1024;

  [[nodiscard]] std::string_view view() const noexcept { return bytes_; }
  /// Adds an inflated message. Errors: `std::bad_alloc`.
  void add(std::string_view message);

private:
  std::string bytes_;
};

/// Inflates messages in steps (RFC 7692, 7.2.2), one message after the other.
///
/// Takes every stream that DEFLATE allows: blocks of all kinds, any window, final blocks and blocks
/// behind them (7.2.3.4). It also takes a payload that stops behind a block, without the start of
/// the empty block that should end it.
///
/// Memory: none before the first message; then 7 KiB for zlib's state, 32 KiB for its window and 32
/// KiB for output. A message that is being inflated adds its output, and twice that as it ends.
///
/// Errors: `std::bad_alloc`; the next message is inflated as usual. Thread: one.
class ws_inflation {
public:
  struct result {
    errc error = errc::ok; ///< or `too_big`, `undecodable`
    shared_bytes message;
  };

  /// The input and the output at which one step ends, once it is through with its last piece of
  /// input, or has filled its last piece of output (at most twice `step_output`). They are small,
  /// since the worst block headers take zlib some milliseconds.
  static constexpr std::size_t step_input = 16 * 1024;
  static constexpr std::size_t step_output = 256 * 1024;

  ws_inflation() = default;
  ws_inflation(const ws_inflation&) = delete;
  ws_inflation& operator=(const ws_inflation&) = delete;
  ~ws_inflation();

  /// Starts a message. `deflated`: the payloads of all its fragments. Inflating stops one byte
  /// beyond `max_bytes`, which is at most `shared_bytes::max_bytes`. `context`: null if the peer
  /// sends each message without context. Both outlive `finish` or `drop`.
  void start(const ws_parts& deflated, std::uint64_t max_bytes, inflate_context* context);

  /// Inflates one step. Returns whether the message is done; then call `finish`. Precondition: a
  /// message was started.
  [[nodiscard]] bool step();

  /// Returns the message or its error. Precondition: `step` has returned true.
  [[nodiscard]] result finish();

  /// Forgets the message.
  void drop() noexcept;

  /// The bytes for output that stay allocated between messages.
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
  bool has_tail_ = false; ///< the tail that each message leaves out was fed
  state where_ = state::within_block;
  const ws_parts* deflated_ = nullptr;
  std::size_t next_piece_ = 0; ///< the index in `deflated_`
  inflate_context* context_ = nullptr;
  std::vector<piece> output_; ///< the first one is kept
  std::size_t used_pieces_ = 0;
  std::uint64_t output_room_ = 0; ///< the bytes that may still be added
  std::size_t made_ = 0;          ///< the bytes of the output pieces added in this step
};

} // namespace troupe::protocol
