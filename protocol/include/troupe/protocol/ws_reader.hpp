#pragma once

#include <troupe/protocol/ws_header.hpp>

#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/limits.hpp>
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

/// Bounds of what one peer may send; 0 lifts a maximum or the burst.
struct ws_limits {
  static constexpr std::uint64_t least_fragments = 1024; ///< see `fragments_for`
  /// The size of an inflated message; if lifted: `shared_bytes::max_bytes`.
  std::uint64_t max_message_bytes = message_limits{}.max_message_bytes;
  /// The fragments of one message; see `fragments_for`.
  std::uint64_t max_fragments = least_fragments;
  /// The rate of pings and pongs; 0: none beyond the burst.
  double control_per_second = 100;
  /// Pings and pongs at once; if lifted, their rate has no bound either.
  double control_burst = 200;

  /// The size of the largest message that is accepted.
  [[nodiscard]] constexpr std::uint64_t largest_message() const noexcept {
    constexpr std::uint64_t most = shared_bytes::max_bytes;
    return max_message_bytes == 0 ? most : std::min(max_message_bytes, most);
  }

  /// How many fragments a message of `bytes` may have by default: one for each 256 bytes, and at
  /// least 1,024.
  [[nodiscard]] static constexpr std::uint64_t fragments_for(std::uint64_t bytes) noexcept {
    return std::max(least_fragments, bytes / 256);
  }
};

/// What a reader has found.
struct ws_event {
  enum class kind : std::uint8_t {
    need_more, ///< took all bytes; no event is complete
    inflating, ///< a whole message is being inflated: call `next` again, even without bytes
    message,
    ping,
    pong,
    close, ///< the reader drops what follows
    error, ///< the peer broke a rule or a bound; the reader drops what follows
  };

  static constexpr std::uint16_t no_code = 1005;

  kind what = kind::need_more;
  bool is_binary = false;  ///< of a message
  bool in_deflate = false; ///< of an error: what came cannot be inflated
  /// Of an error; its row in the code table has the close code and the reason.
  errc why = errc::ok;
  /// Of a close.
  std::uint16_t close_code = no_code;
  /// Of a message that was inflated: its size before.
  std::uint64_t deflated_bytes = 0;
  /// The payload of a message, a ping or a pong; the reason of a close, in UTF-8.
  shared_bytes payload;
};

/// Reads one direction of one WebSocket (RFC 6455, RFC 7692): bytes go in, one event at a time
/// comes out.
///
/// The caller pulls: it keeps the bytes that were not taken, so it can stop behind any message and
/// go on later.
///
/// Memory: a message that lies whole in the bytes costs one allocation, its payload. A message that
/// comes in parts is gathered in a buffer that grows with what has come, never with what was
/// declared; `held_bytes` tells its size. A deflated message is gathered until it is whole. Then
/// each call inflates one step (`ws_inflation`), if the loop's inflater has a lease for it. Between
/// messages there is only this object and, with context, the last 32 KiB of earlier messages.
///
/// Errors: broken rules and bounds come as events; after `std::bad_alloc` the reader can only be
/// destroyed, or await a close frame.
///
/// It knows no socket, no clock and no actor. Thread: one.
class ws_reader {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Who reads. The peers of a server mask their frames, the peers of a client do not.
  enum class role : std::uint8_t { server, client };

  /// `limits` outlives the reader.
  explicit ws_reader(const ws_limits& limits, role who = role::server) noexcept;
  ws_reader(ws_reader&&) noexcept;
  ws_reader& operator=(ws_reader&&) noexcept;
  ~ws_reader();

  /// Lets the peer deflate its messages (RFC 7692) from now on. `shared` is the loop's and outlives
  /// the reader. `keeps_context`: a message may refer to earlier ones.
  void allow_deflate(ws_inflater& shared, bool keeps_context);

  /// Whether the last event was `inflating`: the caller may give others a turn first.
  [[nodiscard]] bool is_inflating() const noexcept { return is_inflating_; }

  /// Reads the next event and removes its bytes from the front of `bytes`: all of them if no event
  /// is complete, none while it inflates. Refuses a text as soon as no continuation can make it
  /// UTF-8, and a frame as soon as its header breaks a rule or a bound.
  [[nodiscard]] ws_event next(std::string_view& bytes, time_point now);

  /// Looks for the peer's close frame alone from now on: `next` drops all other frames without a
  /// check, whatever their size, and gives no other event. A close frame that breaks a rule is
  /// dropped as well. Frees what the incomplete message holds. Behind an error it is to be called
  /// before the next byte is read, or the reader loses its place; behind `std::bad_alloc` it has
  /// lost it, and may find no close frame.
  void await_close() noexcept;

  /// When the incomplete message or frame began; nothing between messages, or if it is dropped.
  [[nodiscard]] std::optional<time_point> open_since() const noexcept {
    const auto is_open = heeds_ == heed::all && (in_message_ || in_frame_ || header_size_ > 0);
    return is_open ? std::optional{opened_} : std::nullopt;
  }

  /// Excludes `time` from the age of the incomplete message: the caller read nothing meanwhile.
  void stand_still(time_point::duration time) noexcept { opened_ += time; }

  /// The memory that a message holds while it is incomplete or not inflated yet, in bytes.
  [[nodiscard]] std::size_t held_bytes() const noexcept;

private:
  struct assembly;
  enum class heed : std::uint8_t { all, close_alone, nothing };

  errc read_header(std::string_view& bytes, time_point now);
  errc start_frame(const ws_header& h, time_point now);
  void begin_frame(const ws_header& h) noexcept;
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
  ws_event find_close(std::string_view& bytes);
  bool pass_header(std::string_view& bytes) noexcept;
  void end() noexcept;
  ws_event fail(errc why);
  ws_event fail_inflating(errc why);
  assembly& parts();

  [[nodiscard]] bool is_control() const noexcept { return (first_ & 0x08) != 0; }
  [[nodiscard]] bool is_final() const noexcept { return (first_ & 0x80) != 0; }

  const ws_limits* limits_;
  std::unique_ptr<assembly> parts_; ///< of the incomplete message and frame
  ws_inflater* inflater_ = nullptr;
  std::unique_ptr<inflate_context> context_;
  std::uint64_t left_ = 0;          ///< bytes of the frame's payload that are still to come
  std::uint64_t message_bytes_ = 0; ///< declared by its fragments so far
  std::uint64_t fragments_ = 0;
  time_point opened_{};
  token_bucket control_; ///< pings and pongs
  ws_mask mask_;
  std::array<char, ws_header::max_bytes> header_{}; ///< what has come of an incomplete header
  std::uint8_t header_size_ = 0;
  std::uint8_t first_ = 0; ///< byte of the frame's header
  role role_;
  bool in_frame_ = false; ///< its header has been read
  bool in_message_ = false;
  bool is_text_ = false;
  bool is_deflated_ = false; ///< the message
  bool is_inflating_ = false;
  bool may_be_close_ = false; ///< the frame, if it heeds a close frame alone
  heed heeds_ = heed::all;
};

} // namespace troupe::protocol
