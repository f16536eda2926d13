#pragma once

#include <troupe/actors/clock.hpp>

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace troupe::transport {

/// The keys with which a server encrypts session tickets, so that a client that comes again does a
/// short handshake and the server keeps nothing of it.
///
/// A key issues tickets for `lifetime`, which is also how long a ticket is taken. Then another key
/// follows it, and it opens the tickets that it has issued for as long again. At the next handshake
/// after that it is wiped: nobody can read any more what was said under its tickets with TLS 1.2.
/// (TLS 1.3 agrees on fresh keys each time.) Keys are random, and never leave this process.
/// Thread: any.
/// Source: RFC 5077, 4 and 5.5; RFC 8446, 4.6.1.
class ticket_keys {
public:
  static constexpr std::chrono::hours lifetime{2};

  struct key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher; ///< AES-256-CBC
    std::array<unsigned char, 32> mac;    ///< HMAC-SHA256
  };

  /// Errors: `std::runtime_error` where the system gives no random bytes.
  explicit ticket_keys(actors::steady_time now);
  ~ticket_keys();
  ticket_keys(const ticket_keys&) = delete;
  ticket_keys& operator=(const ticket_keys&) = delete;

  /// The key for new tickets. Errors: as those of the constructor.
  [[nodiscard]] key issuing(actors::steady_time now);

  /// The key of that name, which opens its tickets; nothing if there is none any more. Errors: as
  /// those of the constructor.
  [[nodiscard]] std::optional<key> find(std::span<const unsigned char, 16> name,
                                        actors::steady_time now);

  /// Makes `context` issue and open tickets with `keys`. `clock` outlives the context. Errors:
  /// `std::bad_alloc`.
  static void install(SSL_CTX& context, std::shared_ptr<ticket_keys> keys,
                      const actors::loop_clock& clock);

private:
  struct kept {
    key it;
    actors::steady_time made;
  };
  void rotate(actors::steady_time now);
  void forget_previous() noexcept;

  std::mutex mutex_;
  kept current_;
  std::optional<kept> previous_;
};

} // namespace troupe::transport
