#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::test {

/// The result of waiting for something.
enum class outcome : std::uint8_t {
  heard,
  refused, ///< by an error, or the room has ended
  ended,   ///< the server has ended the connection
  silent,  ///< nothing came within the client's patience: it would wait for ever
};

/// A blocking client over TCP or TLS that speaks HTTP and WebSocket. It tolerates every end of the
/// connection, and its own allocations never fail.
class wire_client {
public:
  struct way {
    std::uint16_t port = 0;
    bool tls = false;
    int receive_buffer_bytes = 0; ///< of the kernel; 0: the default
    std::chrono::milliseconds patience{5'000};
  };

  /// Connects. If the server does not let it in, it is closed, and all that it waits for is
  /// `ended`.
  explicit wire_client(const way& w);
  ~wire_client();
  wire_client(const wire_client&) = delete;
  wire_client& operator=(const wire_client&) = delete;

  /// Returns whether all of it was taken.
  bool send(std::string_view bytes);

  /// Waits for a whole HTTP response that holds `mark`; any other is `refused`.
  [[nodiscard]] outcome answer(std::string_view mark);

  /// Requests an upgrade to WebSocket. `headers`: additional lines, each with its end of line.
  [[nodiscard]] outcome upgrade(std::string_view path, std::string_view headers = {});

  /// Sends a masked frame whose first byte is `first`.
  void frame(unsigned char first, std::string_view payload);
  void text(std::string_view payload) { frame(0x81, payload); }
  /// Sends a text deflated, as in permessage-deflate without context takeover.
  void deflated_text(std::string_view payload);

  /// Waits for a frame whose payload, inflated if it is deflated, holds `mark`. A close frame
  /// counts as `ended`; an error or the end of a room counts as `refused`.
  [[nodiscard]] outcome await(std::string_view mark);
  /// Waits for a close frame, and does not answer it. Returns its code and its reason, such as
  /// "1009 too_big"; "none" if no close frame comes.
  [[nodiscard]] std::string await_close();
  /// Waits until the server has ended the connection, which counts as `heard`.
  [[nodiscard]] outcome await_end();
  /// Waits until the server has ended its output in order. Returns all bytes that came meanwhile;
  /// nothing if it does not end it, or resets the connection.
  [[nodiscard]] std::optional<std::string> await_fin();

  // -- the client's end ---------------------------------------------------------------------------

  /// Ends its output in order, over TLS by its own word first. It can still read.
  void end_output();
  /// Ends its output, over TLS without a word.
  void cut_output();
  /// Ends the connection by a TCP reset.
  void reset();
  /// Sends `bytes` again and again, until the server has ended the connection.
  void send_for_ever(std::string_view bytes);

private:
  struct ssl_free {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
    void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
  };

  void shake_hands();
  void shut() noexcept;
  /// Appends what comes next to `read_`.
  [[nodiscard]] outcome read_some();
  /// Reads the next frame; `first` becomes its first byte.
  [[nodiscard]] outcome next_frame(unsigned char& first, std::string& payload);

  std::chrono::milliseconds patience_;
  int fd_ = -1;
  bool is_reset_ = false; ///< by the server
  std::string read_;
  std::unique_ptr<SSL, ssl_free> ssl_;
};

} // namespace troupe::test
