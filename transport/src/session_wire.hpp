#pragma once

#include "ws_utf8.hpp"

#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace troupe::transport {

/// A client's frame that has come whole and is a message of its own: text, binary, ping or pong, masked, final, of no extension.
struct whole_frame {
  protocol::opcode op = protocol::opcode::ping;
  std::string_view masked; ///< its payload
  std::array<char, 4> mask{};
  std::size_t bytes = 0; ///< of the frame; 0: there is none

  [[nodiscard]] bool is_message() const noexcept { return op == protocol::opcode::text || op == protocol::opcode::binary; }
  /// Null for text that is not UTF-8. Cost: one allocation, two passes.
  [[nodiscard]] protocol::shared_bytes payload() const;
};

/// The whole frame at the start of some bytes; anything else (a part, a fragment, a close, an error) is left to Beast.
/// Source: RFC 6455, 5.2.
[[nodiscard]] whole_frame first_whole_frame(std::string_view bytes) noexcept;

/// Whether these offers name deflate in a way that can be agreed on: zlib has no window of 8 bits, and an answer of 9 would break the offer.
[[nodiscard]] bool can_deflate_for(std::string_view offers);

/// Whether a client that agreed on these extensions can read frames deflated with the largest window (RFC 7692, 7.1.2).
[[nodiscard]] bool takes_deflated_frames(std::string_view extensions);

/// Why Beast closes, where its frame is to be written anew: it gives no reason, and repeats codes that RFC 6455 (7.4.2) does not know.
/// `ok`: the frame is fine.
[[nodiscard]] protocol::errc close_reason_of(std::string_view frame);

/// One system call; see `outbox` for the answer. Inlined by force: the kernel leaves nothing in the processor of where calls return
/// to, so that each level between the loop over a room's members and the system call costs a mispredicted return.
class socket_writer {
public:
  explicit socket_writer(int fd) : fd_(fd) {}

  [[gnu::always_inline]] ssize_t operator()(const iovec* parts, int count) const {
    if (count != 1)
      return gather(parts, count);
    // Not by `send`, which as a point of cancellation has two atomic steps more.
    ssize_t n = ::syscall(SYS_sendto, fd_, parts->iov_base, parts->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
    return n >= 0 ? n : after_error(errno, parts, count);
  }

private:
  [[nodiscard]] ssize_t gather(const iovec* parts, int count) const;
  [[nodiscard]] ssize_t after_error(int error, const iovec* parts, int count) const;

  int fd_;
};

} // namespace troupe::transport
