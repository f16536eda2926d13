#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/protocol/errc.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe::transport {

/// Follows the frame headers of a client's raw bytes, before anything else looks at them, and refuses what would cost memory or
/// time: messages declared too long, too many fragments, a flood of control frames. All other errors are the parser's.
///
/// Invariants: no byte is kept but the current header's; the bytes before a refused frame are good, the rest is not to be read.
/// Cost: constant per frame. Thread: the loop's. Source: RFC 6455, 5.2.
class frame_guard {
public:
  struct limits {
    std::uint64_t max_message_bytes = 64 * 1024; ///< 0: none
    std::uint32_t max_fragments = 1024;          ///< of one message
    double control_per_second = 100;             ///< pings, pongs
    double control_burst = 200;
  };

  struct verdict {
    std::size_t good = 0;  ///< bytes that may be passed on
    protocol::errc error = protocol::errc::ok;
  };

  explicit frame_guard(const limits& l) : limits_(&l), tokens_(l.control_burst) {}

  [[nodiscard]] verdict feed(std::string_view bytes, actors::steady_time now);

  /// Since when a message or frame is incomplete; nothing between messages.
  [[nodiscard]] std::optional<actors::steady_time> open_since() const noexcept {
    return in_frame_ || in_message_ ? std::optional{opened_} : std::nullopt;
  }

  /// Reading was paused for `time`, which is not the peer's fault.
  void stand_still(actors::steady_time::duration time) noexcept { opened_ += time; }

  /// Data messages that have come in whole.
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }

  /// Whether the last byte ended a data message: nothing that was fed waits behind it.
  [[nodiscard]] bool at_message_end() const noexcept { return at_message_end_; }

private:
  [[nodiscard]] std::size_t header_bytes() const noexcept;
  [[nodiscard]] protocol::errc start_frame(actors::steady_time now);
  [[nodiscard]] protocol::errc start_control(actors::steady_time now);
  void end_frame();

  const limits* limits_;
  std::array<unsigned char, 14> header_{};
  std::uint8_t header_size_ = 0;
  bool in_frame_ = false;
  bool in_message_ = false;
  bool at_message_end_ = true;
  bool given_up_ = false; ///< the parser will refuse what has come; nothing behind it is a frame
  std::uint64_t payload_left_ = 0;
  std::uint64_t message_bytes_ = 0;
  std::uint32_t fragments_ = 0;
  std::uint64_t messages_ = 0;
  double tokens_;
  actors::steady_time refilled_{};
  actors::steady_time opened_{};
};

} // namespace troupe::transport
