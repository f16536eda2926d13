#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::test {

/// What became of something that a client waits for.
enum class outcome : std::uint8_t {
  heard,
  refused, ///< by an error, or the room has ended
  ended,   ///< the server has ended the connection
  silent,  ///< the client's patience has ended: nobody will ever tell it
};

/// A blocking client over TCP or TLS that speaks HTTP and WebSocket, takes no end amiss, and whose
/// own memory never fails.
class wire_client {
public:
  struct way {
    std::uint16_t port = 0;
    bool tls = false;
    int receive_buffer_bytes = 0; ///< of the kernel; 0: the usual
    std::chrono::milliseconds patience{5'000};
  };

  /// Shut, and all it waits for has ended, if the server does not let it in.
  explicit wire_client(const way& w);
  ~wire_client();
  wire_client(const wire_client&) = delete;
  wire_client& operator=(const wire_client&) = delete;

  void send(std::string_view bytes);

  /// Waits for a whole answer of HTTP that holds `mark`; any other is a refusal.
  [[nodiscard]] outcome answer(std::string_view mark);

  /// Asks for a WebSocket. `headers`: more of them, each with its end of line.
  [[nodiscard]] outcome upgrade(std::string_view path, std::string_view headers = {});

  /// Sends a masked frame of that first byte.
  void frame(unsigned char first, std::string_view payload);
  void text(std::string_view payload) { frame(0x81, payload); }
  /// Sends a text deflated, as permessage-deflate without context has it.
  void deflated_text(std::string_view payload);

  /// Waits for a frame that holds `mark` in its payload, which is inflated if need be. A close
  /// frame is an end, an error or the end of a room a refusal.
  [[nodiscard]] outcome await(std::string_view mark);
  /// Waits until the server has ended the connection, which counts as heard.
  [[nodiscard]] outcome await_end();

private:
  struct ssl_free {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
    void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
  };

  void shake_hands();
  void shut() noexcept;
  /// Appends what comes next to `read_`.
  [[nodiscard]] outcome read_some();
  /// Takes the next frame's payload; its first byte goes to `first`.
  [[nodiscard]] outcome next_frame(unsigned char& first, std::string& payload);

  std::chrono::milliseconds patience_;
  int fd_ = -1;
  std::string read_;
  std::unique_ptr<SSL, ssl_free> ssl_;
};

} // namespace troupe::test
