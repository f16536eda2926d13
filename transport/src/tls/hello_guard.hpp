#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::transport {

/// Checks what a client sends until its TLS handshake is done, before OpenSSL sees it. OpenSSL
/// allocates memory for a first message (ClientHello) of whatever size it claims, up to 128 KiB,
/// before any of it has come. It does so again for a second one, which a client sends if its first
/// one named no usable group.
///
/// Records and messages may be cut anywhere. Everything else is left to OpenSSL, which bounds it
/// more closely. Cost: a few compares for each record; nothing once the handshake is done. Source:
/// RFC 8446, 4 and 5.1; OpenSSL 3.0, ssl/statem/statem_srvr.c (`CLIENT_HELLO_MAX_LENGTH`).
class hello_guard {
public:
  static constexpr std::size_t max_hello_bytes = 16 * 1024; ///< real ones have 0.3 to 2 KiB

  /// Whether OpenSSL may see these bytes, which follow those of the call before. `is_tls12`: what
  /// follows a change of cipher is encrypted; in TLS 1.3 such a record means nothing.
  [[nodiscard]] bool pass(std::string_view bytes, bool is_tls12 = false) noexcept;

  /// Encrypted records follow: their content cannot be seen here.
  void end() noexcept { ended_ = true; }

  /// Puts a guard between OpenSSL and what it reads from; the guard lives as long as that. Errors:
  /// `std::bad_alloc`.
  static void install(SSL& on);

private:
  [[nodiscard]] bool pass_handshake(std::string_view bytes) noexcept;

  std::array<std::uint8_t, 5> record_{};  ///< its header, as far as it has come
  std::array<std::uint8_t, 4> message_{}; ///< likewise
  std::size_t record_header_bytes_ = 0;
  std::size_t message_header_bytes_ = 0;
  std::size_t record_left_ = 0;  ///< bytes of the record under way
  std::size_t message_left_ = 0; ///< likewise
  bool ended_ = false;
};

} // namespace troupe::transport
