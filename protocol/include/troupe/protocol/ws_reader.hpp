#pragma once

#include <troupe/protocol/ws_header.hpp>

#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/shared_bytes.hpp>
#include <troupe/protocol/token_bucket.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace troupe::protocol {

class inflate_context;
class ws_inflater;

/// Bounds of what one peer sends; 0 lifts a maximum, and the burst.
struct ws_limits {
  /// Of a message, inflated; lifted: `shared_bytes::max_bytes`.
  std::uint64_t max_message_bytes = 64 * 1024;
  /// Of one message; see `fragments_for`.
  std::uint64_t max_fragments = 1024;
  /// Pings and pongs; 0: none beyond the burst.
  double control_per_second = 100;
  /// Pings and pongs at once; lifted: no bound on their rate either.
  double control_burst = 200;

  /// The largest message that is taken.
  [[nodiscard]] constexpr std::uint64_t largest_message() const noexcept {
    constexpr std::uint64_t most = shared_bytes::max_bytes;
    return max_message_bytes == 0 ? most : std::min(max_message_bytes, most);
  }

  /// How many fragments a message of `bytes` may have by default: one for each 256 bytes, and at
  /// least 1,024.
  [[nodiscard]] static constexpr std::uint64_t fragments_for(std::uint64_t bytes) noexcept {
    return std::max<std::uint64_t>(1024, bytes / 256);
  }
};

/// What a reader has found.
struct ws_event {
  enum class kind : std::uint8_t {
    need_more, ///< all bytes were taken, and nothing is whole
    inflating, ///< a message has come, and is to be inflated: ask again, also without bytes
    message,
    ping,
    pong,
    close, ///< nothing is read behind it
    error, ///< the peer broke a rule or a bound: nothing is read behind it
  };

  static constexpr std::uint16_t no_code = 1005;

  kind what = kind::need_more;
  bool is_binary = false;  ///< of a message
  bool in_deflate = false; ///< of an error: what came cannot be inflated
  /// Of an error; its row has the close code and the reason.
  errc why = errc::ok;
  /// Of a close.
  std::uint16_t close_code = no_code;
  /// Of a message, a ping, a pong; of a close the reason, UTF-8.
  shared_bytes payload;
};

/// Reads one direction of one WebSocket (RFC 6455, RFC 7692): bytes go in, one event at a time
/// comes out.
///
/// The caller pulls: it keeps the bytes that were not taken, so it can stop behind any message and
/// go on later.
///
/// Memory: a message that lies whole in the bytes costs one allocation, its payload. One that comes
/// in parts is gathered in a buffer that grows with what has come, never by what was declared;
/// `held_bytes` tells how much. What is deflated is gathered, and inflated once it is whole, a step
/// (`ws_inflation`) at each call, as far as the loop's inflater lets it. Between messages only this
/// object is there, and with context 32 KiB of what has been.
///
/// Errors: rules and bounds as events; `std::bad_alloc`, after which the reader can only be
/// destroyed.
///
/// It knows no socket, no clock and no actor. Thread: one.
class ws_reader {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Who reads. A server's peers mask their frames, a client's do not.
  enum class role : std::uint8_t { server, client };

  /// `limits` outlives the reader.
  explicit ws_reader(const ws_limits& limits, role who = role::server) noexcept;
  ws_reader(ws_reader&&) noexcept;
  ws_reader& operator=(ws_reader&&) noexcept;
  ~ws_reader();

  /// The peer may deflate its messages (RFC 7692) from now on. `shared`, the loop's, outlives the
  /// reader. `keeps_context`: a message may refer to those before it.
  void allow_deflate(ws_inflater& shared, bool keeps_context);

  /// Whether the last event was `inflating`: others may have their turn first.
  [[nodiscard]] bool is_inflating() const noexcept { return is_inflating_; }

  /// Takes bytes off the front of `bytes`: up to the end of the next event, or all of them if there
  /// is none; while it inflates, none. Text is refused as soon as no continuation can make it
  /// UTF-8, a frame as soon as its header breaks a rule or a bound.
  [[nodiscard]] ws_event next(std::string_view& bytes, time_point now);

  /// Since when a message or frame is incomplete; nothing between messages.
  [[nodiscard]] std::optional<time_point> open_since() const noexcept {
    return in_message_ || in_frame_ || header_size_ > 0 ? std::optional{opened_} : std::nullopt;
  }

  /// Nothing was read for `time`, which is not the peer's fault.
  void stand_still(time_point::duration time) noexcept { opened_ += time; }

  /// Memory of what has come of a message that is incomplete, or not inflated yet.
  [[nodiscard]] std::size_t held_bytes() const noexcept;

private:
  struct assembly;

  errc read_header(std::string_view& bytes, time_point now);
  errc start_frame(const ws_header& h, time_point now);
  [[nodiscard]] errc check_start(std::uint8_t first, std::uint8_t second) const noexcept;
  errc start_control(time_point now);
  errc start_data(const ws_header& h);

  [[nodiscard]] std::uint64_t largest_payload() const noexcept;
  [[nodiscard]] bool is_whole(std::string_view bytes) const noexcept;
  ws_event read_whole(std::string_view& bytes);
  errc take_payload(std::string_view& bytes);
  [[nodiscard]] std::span<char> room_for(std::size_t size);
  ws_event end_frame();
  ws_event end_message();
  ws_event inflate();
  bool inflate_step();
  ws_event end_control(shared_bytes payload);
  ws_event end_close(std::string_view payload);
  void end() noexcept;
  ws_event fail(errc why);
  ws_event fail_inflating(errc why);
  assembly& parts();

  [[nodiscard]] bool is_control() const noexcept { return (first_ & 0x08) != 0; }
  [[nodiscard]] bool is_final() const noexcept { return (first_ & 0x80) != 0; }

  const ws_limits* limits_;
  std::unique_ptr<assembly> parts_; ///< of the message and frame that are incomplete
  ws_inflater* inflater_ = nullptr;
  std::unique_ptr<inflate_context> context_;
  std::uint64_t left_ = 0;          ///< of the frame's payload
  std::uint64_t message_bytes_ = 0; ///< as its fragments so far have declared
  std::uint64_t fragments_ = 0;
  time_point opened_{};
  token_bucket control_; ///< pings and pongs
  ws_mask mask_;
  std::array<char, ws_header::max_bytes> header_; ///< what has come of a header that is not whole
  std::uint8_t header_size_ = 0;
  std::uint8_t first_ = 0; ///< of the frame's header
  role role_;
  bool in_frame_ = false; ///< behind its header
  bool in_message_ = false;
  bool is_text_ = false;
  bool is_deflated_ = false; ///< the message
  bool is_inflating_ = false;
  bool ended_ = false;
};

} // namespace troupe::protocol
